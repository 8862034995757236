import type { IncomingHttpHeaders } from "node:http";
import fp from "fastify-plugin";
import { ProblemError } from "../problems.ts";
import type { OpenSettings } from "./settings.ts";

export const HOST_NOT_ALLOWED = { status: 403, detail: "HOST_NOT_ALLOWED" } as const;

/**
 * Where no token is asked for, refuses what a web page of another site sends through somebody's browser: by a name of its
 * own that leads here (DNS rebinding), or straight, with the page's origin.
 */
export const ownHosts = fp<Omit<OpenSettings, "mode">>(
  (app, { allowedHosts, allowedOrigins }, done) => {
    const hosts = new Set(allowedHosts.map((host) => hostnameOf(`http://${host}`)));
    const origins = new Set(allowedOrigins);
    const isOwn = (host: string) => isLoopback(host) || hosts.has(host);
    app.addHook("onRequest", ({ headers }, _reply, next) => {
      const isAllowed = isOwnHost(headers, isOwn) && isOwnOrigin(headers, isOwn, origins);
      next(isAllowed ? undefined : new ProblemError(HOST_NOT_ALLOWED));
    });
    done();
  },
  { name: "own-hosts", dependencies: ["request-context", "problems", "request-head"] },
);

/** HTTP/1.0 may leave Host out; a browser never does. */
function isOwnHost({ host }: IncomingHttpHeaders, isOwn: (host: string) => boolean): boolean {
  return host === undefined || isOwn(hostnameOf(`http://${host}`));
}

function isOwnOrigin(
  { origin }: IncomingHttpHeaders,
  isOwn: (host: string) => boolean,
  allowed: ReadonlySet<string>,
): boolean {
  return origin === undefined || allowed.has(origin) || isOwn(hostnameOf(origin));
}

/** Empty where there is none: `null` is the origin of a page that has no site. */
function hostnameOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, "") : "";
}

/** Whether a host name or address, as it stands in a URL, leads to this machine alone. */
export function isLoopback(host: string): boolean {
  return (
    host === "localhost" ||
    host.endsWith(".localhost") ||
    host === "[::1]" ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
  );
}
