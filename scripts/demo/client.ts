/** An answer of the service: status, the marks of a replay, and the body both as bytes and as data. */
export type Reply = {
  readonly status: number;
  readonly replayed: boolean;
  readonly text: string;
  readonly ms: number;
};

/** Sends one request. A service that cannot be reached ends the demonstration with one clear line. */
export async function send(
  base: string,
  method: "GET" | "POST",
  path: string,
  body?: unknown,
  idempotencyKey?: string,
): Promise<Reply> {
  const startedAt = performance.now();
  const headers: Record<string, string> = {
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
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
