import { readFileSync } from "node:fs";
import tls from "node:tls";

/** As postgres.js takes it: false is plain text, the words are libpq's, an object is that of `tls.connect`. */
export type TlsOption = false | "prefer" | "require" | tls.ConnectionOptions;

/** Where a server is. `url` holds no TLS parameter any more: `tls` does. */
export type ServerAddress = { readonly url: string; readonly tls: TlsOption };

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
  const option = tlsOption(mode, files, rootCertificate !== undefined, url.hostname);
  if (typeof option === "object") checkContext(option);
  for (const name of TLS_PARAMETERS) url.searchParams.delete(name);
  return { url: url.href, tls: option };
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw new Error("not a URL of one PostgreSQL server: postgres://user:password@host:port/database");
  }
  return url;
}

type TlsFiles = { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };

function tlsOption(mode: string, files: TlsFiles, hasRoot: boolean, hostname: string): TlsOption {
  const hasFiles = Object.keys(files).length > 0;
  switch (mode) {
    case "disable":
      return false;
    case "allow":
    case "prefer":
      return "prefer";
    case "require":
      if (hasRoot) return tlsOption("verify-ca", files, hasRoot, hostname);
      return hasFiles ? { ...files, rejectUnauthorized: false } : "require";
    case "verify-ca":
      // The chain is checked, the name is not: that is what verify-ca means.
      return { ...files, rejectUnauthorized: true, checkServerIdentity: () => undefined };
    case "verify-full":
      // The driver names no host that is an address, and the name checked would be "localhost".
      return { ...files, rejectUnauthorized: true, host: hostname };
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
