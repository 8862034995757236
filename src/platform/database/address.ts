import { readFileSync } from "node:fs";
import tls from "node:tls";

/** `isRequired` false: plain text is taken from a server that offers nothing else. */
export type TlsSettings = { readonly isRequired: boolean; readonly options: tls.ConnectionOptions };

/** A port of a machine, or a Unix socket. */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string };

/** One server. `url` names no other, and none of the parameters that are read here. */
export type ServerHost = {
  readonly url: string;
  readonly endpoint: Endpoint;
  /** Null for plain text. */
  readonly tls: TlsSettings | null;
};

/** What a server must be to be worked with, as libpq names it; its `prefer-standby` is none of them. */
const TARGETS = ["any", "read-write", "read-only", "primary", "standby"] as const;
export type Target = (typeof TARGETS)[number];

/** Where the servers are of which one is worked with: the first that can be reached and is what `target` says. */
export type ServerAddress = {
  readonly hosts: readonly ServerHost[];
  readonly target: Target;
  readonly login: string;
};

const OWN_PARAMETERS = ["sslmode", "sslrootcert", "sslcert", "sslkey", "target_session_attrs", "port"];

/**
 * Reads a connection URL: of one server, or of several in the order in which they are tried, with libpq's
 * target_session_attrs, sslmode (disable, allow, prefer, require, verify-ca, verify-full), sslrootcert, sslcert and sslkey.
 * Throws an Error with one line on what is wrong with it, and nothing of its password.
 * https://www.postgresql.org/docs/15/libpq-connect.html#id-1.7.3.8.3.6
 */
export function parseServerAddress(text: string): ServerAddress {
  const urls = parseUrls(text);
  const [first] = urls;
  const parameter = (name: string): string | undefined => first.searchParams.get(name) ?? undefined;
  const target = targetOf(parameter("target_session_attrs") ?? "any");
  const sharedPort = portOf(parameter("port"));
  return {
    hosts: urls.map((url) => hostOf(url, sharedPort)),
    target,
    login: decodeURIComponent(first.username),
  };
}

function hostOf(url: URL, sharedPort: string): ServerHost {
  const parameter = (name: string): string | undefined => url.searchParams.get(name) ?? undefined;
  const rootCertificate = parameter("sslrootcert");
  const mode = parameter("sslmode") ?? "disable";
  const files = {
    ...(rootCertificate === undefined || rootCertificate === "system" ? {} : { ca: read(rootCertificate) }),
    ...fileOption("cert", parameter("sslcert")),
    ...fileOption("key", parameter("sslkey")),
  };
  const settings = tlsSettings(mode, files, rootCertificate !== undefined, url.hostname);
  if (settings !== null) checkContext(settings.options);
  for (const name of OWN_PARAMETERS) url.searchParams.delete(name);
  // A URL without a host takes no port.
  if (url.hostname === "") url.hostname = DEFAULT_HOST;
  if (url.port === "") url.port = sharedPort;
  return { url: url.href, endpoint: endpointOf(url), tls: settings };
}

/** Scheme, login, hosts with their ports, and the rest, which all hosts share. */
const PARTS = /^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)([^/?#]*)(.*)$/s;

/** The URL of each host: what is written for several is none by itself. */
function parseUrls(text: string): [URL, ...URL[]] {
  const [, before = "", hosts = "", after = ""] = PARTS.exec(text) ?? [];
  const [first, ...others] = hosts.split(",").map((host) => parseUrl(`${before}${host}${after}`));
  const isListed = others.length > 0;
  if (first === undefined || (isListed && [first, ...others].some(({ hostname }) => hostname === ""))) {
    throw notAnAddress();
  }
  return [first, ...others];
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text)) throw notAnAddress();
  return new URL(text);
}

function notAnAddress(): Error {
  return new Error("not a URL of PostgreSQL: postgres://user:password@host:port,host:port/database");
}

function targetOf(text: string): Target {
  const target = TARGETS.find((name) => name === text);
  if (target === undefined) throw new Error(`target_session_attrs=${text} is none of ${TARGETS.join(", ")}`);
  return target;
}

/** The port of hosts that name none. */
function portOf(text: string | undefined): string {
  if (text === undefined) return "";
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new Error(`port=${text} is no port`);
  return text;
}

const DEFAULT_HOST = "localhost";
const DEFAULT_PORT = 5432;

/** A Unix socket is the percent-encoded path of its folder in place of the host. */
function endpointOf(url: URL): Endpoint {
  const host = decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
  return host.startsWith("/") ? { path: `${host}/.s.PGSQL.${String(port)}` } : { host, port };
}

/** A host as people know it. */
export function nameOf({ endpoint }: ServerHost): string {
  return "path" in endpoint ? endpoint.path : `${endpoint.host}:${String(endpoint.port)}`;
}

type TlsFiles = { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };

function tlsSettings(mode: string, files: TlsFiles, hasRoot: boolean, hostname: string): TlsSettings | null {
  switch (mode) {
    case "disable":
      return null;
    case "allow":
    case "prefer":
      return { isRequired: false, options: { ...files, rejectUnauthorized: false } };
    case "require":
      if (hasRoot) return tlsSettings("verify-ca", files, hasRoot, hostname);
      return { isRequired: true, options: { ...files, rejectUnauthorized: false } };
    case "verify-ca":
      // The chain is checked, the name is not: that is what verify-ca means.
      return { isRequired: true, options: { ...files, checkServerIdentity: () => undefined } };
    case "verify-full":
      // Without `host` the certificate of an address would be checked for the name "localhost".
      return { isRequired: true, options: { ...files, host: hostname } };
    default:
      throw new Error(`sslmode=${mode} is none of disable, allow, prefer, require, verify-ca, verify-full`);
  }
}

function fileOption(name: "cert" | "key", path: string | undefined) {
  return path === undefined ? {} : { [name]: read(path) };
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`cannot read the TLS file ${path}`, { cause: error });
  }
}

/** A certificate that cannot be used is found here, not by the first connection. */
function checkContext(option: tls.ConnectionOptions): void {
  try {
    tls.createSecureContext(option);
  } catch (error) {
    throw new Error("the TLS certificates of the database cannot be used", { cause: error });
  }
}
