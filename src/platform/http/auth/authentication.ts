import type { FastifyRequest } from "fastify";
import fp from "fastify-plugin";
import type { Log } from "../../log.ts";
import type { Metrics } from "../../metrics.ts";
import { logIds } from "../context.ts";
import type { ProblemDetails } from "../problem.ts";
import { bearerChallenge } from "./challenge.ts";
import { IssuerUnavailableError, type TokenKeys } from "./keys.ts";
import type { JwtSettings } from "./settings.ts";
import { verifyToken, type TokenOutcome } from "./verify-token.ts";

export type AuthenticationOptions = {
  readonly settings: JwtSettings;
  readonly keys: TokenKeys;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "unauthenticated">;
};

/** The codes of a token that is missing or no good, for documentation. */
export const UNAUTHENTICATED_PROBLEMS = (["UNAUTHENTICATED", "TOKEN_INVALID", "TOKEN_EXPIRED"] as const).map(
  (detail) => ({ status: 401, detail }),
);
export const TENANT_MISMATCH = { status: 403, detail: "TENANT_MISMATCH" } as const;

export const ISSUER_UNAVAILABLE = {
  status: 503,
  detail: "IDENTITY_PROVIDER_UNAVAILABLE",
  retryAfterSeconds: 5,
} as const;
/** A credential of any other form is none that is understood. */
const BEARER = /^Bearer +([\w.~+/-]+=*)$/i;

/**
 * Finds out who asks: puts caller and tenant of the token into `request.context`. What is wrong with it `authorization`
 * answers, so that a limit can be kept for each caller ahead of the answer.
 */
export const authentication = fp<AuthenticationOptions>(
  (app, { settings, keys, log, metrics }, done) => {
    app.addHook("onReady", () => keys.load());
    app.addHook("onRequest", async (request) => {
      if (request.routeOptions.config.scope === "public") return;
      const outcome = await readToken(request, keys, settings);
      if (outcome === undefined) {
        request.authenticationProblem = ISSUER_UNAVAILABLE;
        return;
      }
      if (outcome.ok) {
        identify(request, outcome);
        return;
      }
      const { code, reason } = outcome;
      metrics.unauthenticated.inc({ code });
      log.info({ code, reason, ...logIds(request.context) }, "a request came without a valid token");
      request.authenticationProblem = unauthenticated(code);
    });
    done();
  },
  { name: "authentication", dependencies: ["request-context", "problems"] },
);

/** Nothing where nobody can tell. */
async function readToken(
  request: FastifyRequest,
  keys: TokenKeys,
  settings: JwtSettings,
): Promise<TokenOutcome | undefined> {
  const credentials = headerValues(request, "authorization");
  const [credential = ""] = credentials;
  const token = credentials.length === 1 ? BEARER.exec(credential)?.[1] : undefined;
  if (token === undefined) {
    const reason = credentials.length === 0 ? "no Authorization" : "no single bearer token";
    return { ok: false, code: "UNAUTHENTICATED", reason };
  }
  try {
    return await verifyToken(token, keys, settings);
  } catch (error) {
    if (error instanceof IssuerUnavailableError) return undefined;
    throw error;
  }
}

function identify(request: FastifyRequest, { caller, tenantId }: Extract<TokenOutcome, { ok: true }>): void {
  request.context = { ...request.context, caller, tenantId };
  const isOther = headerValues(request, "x-tenant-id").some((named) => named !== tenantId);
  if (isOther) request.authenticationProblem = TENANT_MISMATCH;
}

/** Every value that was sent: Node keeps the first of some headers, and joins others. */
function headerValues({ raw: { rawHeaders } }: FastifyRequest, name: string): string[] {
  return rawHeaders.filter((_value, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
}

function unauthenticated(code: Extract<TokenOutcome, { ok: false }>["code"]): ProblemDetails {
  return { status: 401, detail: code, headers: { "www-authenticate": bearerChallenge(code) } };
}
