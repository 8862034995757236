import type { FastifyReply, FastifyRequest } from "fastify";
import fp from "fastify-plugin";
import { Problem } from "../../contract/problem.ts";
import { logIds, type Caller } from "../../platform/http/context.ts";
import { toFailure } from "../../platform/http/failures.ts";
import { problemText } from "../../platform/http/problem.ts";
import { withDeadline, type Runtime } from "../../runtime.ts";
import { recordEvent, recordOnce } from "./append-event.ts";
import { refusalEntry, type Refusal } from "./core.ts";

type Options = { readonly runtime: Runtime };

/**
 * Records each 403 to a known caller ahead of sending it, whoever refused: the last step of every answer. What cannot be
 * recorded is not told: the caller gets a 503 instead, and is refused just as well.
 */
export const refusals = fp<Options>(
  (app, { runtime }, done) => {
    app.addHook("onSend", (request, reply, payload, next) => {
      const { caller } = request.context;
      if (reply.statusCode !== 403 || caller === null) {
        next(null, payload);
        return;
      }
      const recording = recordRefusal(runtime, request, caller, payload);
      void recording
        .then(
          () => payload,
          (error: unknown) => failed(request, reply, error),
        )
        .then((answer) => {
          // At its deadline a request is answered by a timer, whatever is under way.
          if (!reply.raw.headersSent) next(null, answer);
        });
    });
    done();
  },
  { name: "refusals", dependencies: ["request-context", "problems", "request-deadline"] },
);

/** Within the time of its request, but also where its caller does not wait: who hangs up has been refused all the same. */
async function recordRefusal(
  runtime: Runtime,
  { context, method, deadline: { endsAt } }: FastifyRequest,
  caller: Caller,
  payload: unknown,
): Promise<void> {
  const signal = AbortSignal.timeout(Math.max(0, Math.floor(endsAt - performance.now())));
  const { writes, newId } = withDeadline(runtime, { endsAt, signal });
  const refusal: Refusal = {
    subject: caller.subject,
    tokenId: caller.tokenId,
    method,
    path: context.instance,
    idempotencyKey: context.idempotencyKey,
    correlationId: context.correlationId,
    ...readAnswer(payload),
  };
  // What has a key is sent again.
  const record = refusal.idempotencyKey === null ? recordEvent : recordOnce;
  await record(writes, context.tenantId, refusalEntry(refusal, newId("aev_")));
}

/** What the answer says. One that is no problem has no code, and is recorded all the same. */
function readAnswer(payload: unknown): Pick<Refusal, "code" | "requiredScopes"> {
  const problem = typeof payload === "string" ? Problem.safeParse(parseJson(payload)).data : undefined;
  return { code: problem?.detail ?? "403", requiredScopes: problem?.required_scopes ?? null };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failed({ context, log }: FastifyRequest, reply: FastifyReply, error: unknown): string {
  const failure = toFailure(error);
  const line = { err: error, ...logIds(context) };
  log[failure.isOurs ? "error" : "warn"](line, "a refusal could not be recorded, so it is not told");
  void reply.removeHeader("www-authenticate").code(failure.status);
  const { retryAfterSeconds } = failure;
  if (retryAfterSeconds !== undefined) void reply.header("retry-after", String(retryAfterSeconds));
  return problemText(context, failure);
}
