import { expect } from "vitest";
import * as z from "zod";
import { buildApp } from "../../src/app.ts";
import { openOperations, openWaveWorks, type Works } from "../../src/background.ts";
import { parseConfig } from "../../src/config/config.ts";
import { Problem } from "../../src/contract/problem.ts";
import { closeDatabase, type Database, type DatabaseHooks } from "../../src/platform/database/database.ts";
import { createLog } from "../../src/platform/log.ts";
import { createMetrics } from "../../src/platform/metrics.ts";
import type { Operations } from "../../src/features/operations/operations.ts";
import { createRuntime, type Runtime } from "../../src/runtime.ts";
import { openTestDatabase } from "./databases.ts";
import { requireDocumented } from "./documented.ts";

export type Sent = {
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** A body as it stands, in place of one that is made JSON. */
  readonly raw?: { readonly type: string; readonly text: string };
};

export type Received = {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The body as JSON; null where it is none. `read` looks into it. */
  readonly json: unknown;
};

/** An answer in the form that the contract promises; any other is a defect of the service. */
export function read<Output>(promised: z.ZodType<Output>, { status, text, json }: Received): Output {
  const { success, data, error } = promised.safeParse(json);
  if (success) return data;
  throw new Error(`not as promised:\n${z.prettifyError(error)}\n${status} ${text}`);
}

/** Status and code of a refusal, such as `404 DPM_RUN_NOT_FOUND`. */
export function refusalOf(answer: Received): string {
  const { status, detail } = read(Problem, answer);
  expect(answer.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
  expect(answer.status).toBe(status);
  return `${status} ${detail}`;
}

function isJson(contentType: unknown): boolean {
  return typeof contentType === "string" && /[/+]json\b/.test(contentType);
}

/** The whole HTTP service on a test database, without a port: a process of its own but for the process. */
export type TestApp = {
  readonly database: Database;
  /** For what goes on beside requests: a test that wants it starts it. */
  readonly runtime: Runtime;
  readonly operations: Operations;
  readonly works: Works;
  readonly send: (method: "GET" | "POST" | "PUT" | "DELETE", url: string, sent?: Sent) => Promise<Received>;
  readonly get: (url: string, headers?: Sent["headers"]) => Promise<Received>;
  readonly post: (url: string, sent: Sent) => Promise<Received>;
  /** For what needs a connection: listens on a free port and returns the address. */
  readonly listen: () => Promise<string>;
  readonly close: () => Promise<void>;
};

/** `env`: the variables that this deployment sets. */
export async function openTestApp(
  url: string,
  env: Readonly<Record<string, string>> = {},
  hooks: DatabaseHooks = {},
): Promise<TestApp> {
  const config = parseConfig({ DATABASE_URL: url, ...env });
  const database = openTestDatabase(url, {}, hooks);
  const log = createLog("silent");
  const runtime = createRuntime({ config, log, metrics: createMetrics(), database });
  const operations = openOperations(runtime);
  const app = await buildApp({ runtime, operations, lifecycle: { isStopping: false } });
  const send: TestApp["send"] = async (method, path, { key, headers = {}, body, raw } = {}) => {
    const reply = await app.inject({
      method,
      url: path,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(raw === undefined ? {} : { "content-type": raw.type }),
        ...(key === undefined ? {} : { "idempotency-key": key }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      ...(raw === undefined ? {} : { payload: raw.text }),
    });
    requireDocumented(method, path, reply.statusCode);
    const json: unknown = isJson(reply.headers["content-type"]) ? JSON.parse(reply.body) : null;
    return { status: reply.statusCode, text: reply.body, headers: reply.headers, json };
  };
  return {
    database,
    runtime,
    operations,
    works: { operations, waves: openWaveWorks(runtime, operations) },
    send,
    get: (path, headers = {}) => send("GET", path, { headers }),
    post: (path, sent) => send("POST", path, sent),
    listen: () => app.listen({ host: "127.0.0.1", port: 0 }),
    close: async () => {
      await app.close();
      await closeDatabase(database);
    },
  };
}
