import { readFileSync } from "node:fs";
import tls from "node:tls";

/** `isRequired` false: plain text is taken from a server that offers nothing else. */
export type TlsSettings = { readonly isRequired: boolean; readonly options: tls.ConnectionOptions };

/** A port of a machine, or a Unix socket. */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string };

/** Where a server is. `url` holds no TLS parameter any more: `tls` does, null for plain text. */
export type ServerAddress = {
  readonly url: string;
  readonly endpoint: Endpoint;
  readonly tls: TlsSettings | null;
};

const TLS_PARAMETERS = ["sslmode", "sslrootcert", "sslcert", "sslkey"];

/**
 * Reads a connection URL, with libpq's sslmode (disable, allow, prefer, require, verify-ca, verify-full), sslrootcert,
 * sslcert and sslkey. Throws an Error with one line on what is wrong with it, and nothing of its password.
 * https://www.postgresql.org/docs/15/libpq-ssl.html
 */
export function parseServerAddress(text: string): ServerAddress {
  const url = parseUrl(text);
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
  for (const name of TLS_PARAMETERS) url.searchParams.delete(name);
  return { url: url.href, endpoint: endpointOf(url), tls: settings };
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol) || url.hostname.includes(",")) {
    throw new Error("not a URL of one PostgreSQL server: postgres://user:password@host:port/database");
  }
  return url;
}

const DEFAULT_PORT = 5432;

/** A Unix socket is the percent-encoded path of its folder in place of the host. */
function endpointOf(url: URL): Endpoint {
  const host = decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
  return host.startsWith("/")
    ? { path: `${host}/.s.PGSQL.${String(port)}` }
    : { host: host === "" ? "localhost" : host, port };
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
