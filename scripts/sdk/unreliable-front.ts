import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";

/** What a caller may meet on its way, for each of its attempts. Retry-After is in seconds. */
export const WAITED_MS = 1_000;
const IN_PROGRESS = { status: 409, detail: "IDEMPOTENCY_IN_PROGRESS", retryAfter: "0" };
const UNAVAILABLE = { status: 503, detail: "DATABASE_UNAVAILABLE", retryAfter: String(WAITED_MS / 1_000) };

export type UnreliableFront = { readonly base: string; readonly stop: () => void };

/**
 * Stands in front of a service. Of each key it lets the first attempt through and loses the answer, and refuses the second
 * and the third, as a service does that is not ready or has not finished: the fourth meets the stored answer.
 */
export async function startUnreliableFront(service: string): Promise<UnreliableFront> {
  const attempts = new Map<string, number>();
  const server = createServer((request, response) => {
    const key = String(request.headers["idempotency-key"]);
    const attempt = (attempts.get(key) ?? 0) + 1;
    attempts.set(key, attempt);
    if (attempt === 2) refuse(response, UNAVAILABLE);
    else if (attempt === 3) refuse(response, IN_PROGRESS);
    else void passOn(service, request, response, attempt === 1);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the front does not listen");
  return { base: `http://127.0.0.1:${address.port}`, stop: () => void server.close() };
}

function refuse(response: ServerResponse, { status, detail, retryAfter }: typeof UNAVAILABLE): void {
  const headers = { "content-type": "application/problem+json", "retry-after": retryAfter };
  const problem = {
    type: "about:blank",
    title: detail,
    status,
    detail,
    instance: "/",
    correlation_id: "corr_front",
  };
  response.writeHead(status, headers).end(JSON.stringify(problem));
}

async function passOn(
  service: string,
  request: IncomingMessage,
  response: ServerResponse,
  losesAnswer: boolean,
): Promise<void> {
  const headers = ["content-type", "idempotency-key", "x-tenant-id"].flatMap((name) => {
    const value = request.headers[name];
    return typeof value === "string" ? [[name, value] as [string, string]] : [];
  });
  const body = new Uint8Array(await buffer(request));
  const answer = await fetch(new URL(request.url ?? "/", service), {
    method: request.method ?? "GET",
    headers,
    body,
  });
  const text = await answer.text();
  if (losesAnswer) {
    request.socket.destroy();
    return;
  }
  const replayed = answer.headers.get("idempotent-replayed");
  response.writeHead(answer.status, {
    "content-type": "application/json",
    ...(replayed === null ? {} : { "idempotent-replayed": replayed }),
  });
  response.end(text);
}
