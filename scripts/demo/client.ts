import type { Scope } from "../../src/platform/http/auth/scopes.ts";
import { developmentToken } from "../development-token.ts";

/** An answer of the service: status, the marks of a replay, and the body both as bytes and as data. */
export type Reply = {
  readonly status: number;
  readonly replayed: boolean;
  readonly text: string;
  readonly ms: number;
};

type Sent = {
  readonly body?: unknown;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Sends in somebody's name. */
export type Send = (method: "GET" | "POST", path: string, sent?: Sent) => Promise<Reply>;

/** A running service, and those who call it. */
export type Service = {
  readonly base: string;
  readonly asksForTokens: boolean;
  /** Somebody with these scopes; a service that asks for no tokens takes the name from what is sent. */
  readonly as: (actor: string, scopes: readonly Scope[], tenant?: string) => Promise<Send>;
  /** Whoever is let in by nobody: without a token, or a page of another site. */
  readonly asStranger: Send;
};

const TENANT = "demo";
const ANOTHER_SITE = { origin: "https://elsewhere.example" };

/** Finds out by a first request whether the service asks for tokens. */
export async function openService(base: string): Promise<Service> {
  const { status } = await send(base, "GET", "/integration/capabilities");
  const asksForTokens = status === 401;
  return {
    base,
    asksForTokens,
    as: async (actor, scopes, tenant = TENANT) => {
      const headers = asksForTokens
        ? { authorization: `Bearer ${await developmentToken({ tenant, actor, scopes })}` }
        : { "x-tenant-id": tenant };
      return (method, path, sent) => send(base, method, path, { ...sent, headers });
    },
    asStranger: (method, path, sent) =>
      send(base, method, path, { ...sent, headers: asksForTokens ? {} : ANOTHER_SITE }),
  };
}

/** Sends one request. A service that cannot be reached ends the demonstration with one clear line. */
export async function send(
  base: string,
  method: "GET" | "POST",
  path: string,
  { body, key, headers: more = {} }: Sent = {},
): Promise<Reply> {
  const startedAt = performance.now();
  const headers: Record<string, string> = {
    ...more,
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...(key === undefined ? {} : { "idempotency-key": key }),
  };
  const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
  const response = await fetch(new URL(path, base), init).catch((error: unknown) => {
    const reason =
      error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new Error(`no service answers at ${base} (${reason}): start one with npm start`);
  });
  const text = await response.text();
  const replayed = response.headers.get("idempotent-replayed") === "true";
  return { status: response.status, replayed, text, ms: performance.now() - startedAt };
}
