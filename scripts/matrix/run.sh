#!/usr/bin/env bash
# Runs the whole suite on the oldest supported Node against PostgreSQL 15, and on the newest against PostgreSQL 18.
# Needs Debian's postgresql-15 (apt-get install postgresql-15); Node comes by the npm package `node`, and PostgreSQL 18
# with the development dependencies. Parameters are handed to vitest: `npm run test:matrix -- --project faults`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

OLDEST_NODE=20.19.0
NEWEST_NODE=26
POSTGRES_15=/usr/lib/postgresql/15/bin

[ -x "$POSTGRES_15/postgres" ] || { echo "PostgreSQL 15 is missing: apt-get install postgresql-15" >&2; exit 2; }

folder=$(mktemp -d)
password=$(node -p 'crypto.randomUUID()')
echo "$password" >"$folder/password"
# initdb refuses to run as root: Debian's package brings a user for it.
as_server() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi; }
[ "$(id -u)" != 0 ] || chown -R postgres "$folder"

stop() {
  as_server "$POSTGRES_15/pg_ctl" -D "$folder/data" -m immediate -s stop || true
  rm -rf "$folder"
}
trap stop EXIT

port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
as_server "$POSTGRES_15/initdb" -D "$folder/data" -U postgres -A scram-sha-256 --pwfile="$folder/password" \
  -E UTF8 --locale=C >/dev/null
as_server "$POSTGRES_15/pg_ctl" -D "$folder/data" -w -s -l "$folder/log" \
  -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='$folder' -c max_connections=300" start

status=0
# The version of Node is printed by the run itself, before the tests.
on_node() {
  local version=$1
  shift
  npx --yes --package "node@$version" -- \
    node -e 'console.log(`Node ${process.version}`)' && npx --yes --package "node@$version" -- \
    node node_modules/vitest/vitest.mjs run "$@" || status=1
}

echo "== oldest: Node $OLDEST_NODE, PostgreSQL 15"
TEST_DATABASE_URL="postgres://postgres:$password@127.0.0.1:$port/postgres" on_node "$OLDEST_NODE" "$@"
echo "== newest: Node $NEWEST_NODE, PostgreSQL 18"
on_node "$NEWEST_NODE" "$@"
exit "$status"
