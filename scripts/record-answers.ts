/**
 * Sends the demonstration's requests to a service of its own and keeps what it answers as the examples of the OpenAPI
 * document, one for each schema: `npm run build && npx tsx scripts/record-answers.ts`.
 */
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { POLICY_PACK_EXAMPLE } from "../src/features/policies/examples.ts";
import { CREATE_EXAMPLE } from "../src/features/waves/examples.ts";
import { startBenchService } from "./bench/service.ts";
import { ADVISORY_BODIES } from "./demo/advisory.ts";
import { REBALANCES } from "./demo/rebalances.ts";

const FILE = fileURLToPath(new URL("../src/answers.json", import.meta.url));
const POOL = 10;

const Schema = z.object({ schema: z.object({ $ref: z.string() }) });
const Document = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        responses: z.record(
          z.string(),
          z.object({ content: z.object({ "application/json": Schema.optional() }).optional() }),
        ),
      }),
    ),
  ),
});

type Method = "get" | "post" | "put" | "delete";
type Call = { readonly params?: Record<string, string>; readonly query?: string; readonly body?: unknown };

const service = await startBenchService(POOL);
const { base } = service;
const { paths } = Document.parse(await (await fetch(new URL("/openapi.json", base))).json());
const answers: Record<string, unknown> = {};

/** Sends a request, keeps its answer under the name of the answer's schema, unless there is one, and returns it. */
async function ask(
  method: Method,
  path: string,
  { params = {}, query = "", body }: Call = {},
): Promise<Answer> {
  const url = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => params[name] ?? "");
  const response = await fetch(new URL(url + query, base), {
    method: method.toUpperCase(),
    headers: {
      "idempotency-key": params["idempotency_key"] ?? randomUUID(),
      "x-correlation-id": params["correlation_id"] ?? "corr_documentation",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  const answer: unknown = await response.json();
  const media = paths[path]?.[method]?.responses[String(response.status)]?.content?.["application/json"];
  const name = media?.schema.$ref.replace(/^.*\//, "");
  if (name !== undefined) answers[name] ??= answer;
  return Answer.parse(answer);
}

const Answer = z.looseObject({ status: z.string().optional() });
type Answer = z.output<typeof Answer>;

const idIn = (answer: unknown, ...steps: string[]): string => {
  let at = answer;
  for (const step of steps) at = z.record(z.string(), z.unknown()).parse(at)[step];
  return z.string().parse(at);
};

async function untilDone(path: string, operation_id: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const response = await fetch(new URL(path.replace("{operation_id}", operation_id), base));
    const { status } = Answer.parse(await response.json());
    if (status === "SUCCEEDED") return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${operation_id} is not done in time`);
}

async function recordRuns(): Promise<void> {
  const [first, ...others] = REBALANCES;
  if (first === undefined) throw new Error("there is no rebalance to send");
  const idempotency_key = "rebalance-2026-01-15-0001";
  const run = await ask("post", "/rebalance/simulate", { params: { idempotency_key }, body: first.body });
  const params = { rebalance_run_id: idIn(run, "rebalance_run_id") };
  await ask("get", "/rebalance/runs", { query: "?limit=2" });
  await ask("get", "/rebalance/runs/{rebalance_run_id}", { params });
  await ask("get", "/rebalance/runs/idempotency/{idempotency_key}", { params: { idempotency_key } });
  await ask("get", "/rebalance/idempotency/{idempotency_key}/history", { params: { idempotency_key } });
  await ask("get", "/rebalance/runs/{rebalance_run_id}/artifact", { params });
  await ask("post", "/rebalance/runs/{rebalance_run_id}/reproduce", { params });
  await ask("get", "/rebalance/runs/{rebalance_run_id}/verify", { params });
  await ask("get", "/rebalance/lineage/{entity_id}", { params: { entity_id: params.rebalance_run_id } });
  await recordReview(others.filter(({ path }) => path === "/rebalance/simulate").map(({ body }) => body));
  await ask("get", "/rebalance/runs/{rebalance_run_id}/support-bundle", { params });
}

async function recordReview(bodies: readonly unknown[]): Promise<void> {
  for (const body of bodies) {
    const run = await ask("post", "/rebalance/simulate", { body });
    if (run.status !== "PENDING_REVIEW") continue;
    const params = { rebalance_run_id: idIn(run, "rebalance_run_id") };
    const action = {
      action: "APPROVE",
      reason_code: "LIMITS_CHECKED",
      comment: "fine",
      actor_id: "officer_17",
    };
    await ask("post", "/rebalance/runs/{rebalance_run_id}/workflow/actions", { params, body: action });
    await ask("get", "/rebalance/runs/{rebalance_run_id}/workflow/history", { params });
    await ask("get", "/rebalance/workflow/decisions");
    return;
  }
  throw new Error("no rebalance of the demonstration needs a review");
}

async function recordOperations(): Promise<void> {
  const batch = REBALANCES.findLast(({ path }) => path === "/rebalance/analyze")?.body;
  const scenarios = (...names: string[]) => ({
    ...batch,
    scenarios: Object.fromEntries(
      Object.entries(z.looseObject({}).parse(batch?.["scenarios"])).filter(([name]) => names.includes(name)),
    ),
  });
  await ask("post", "/rebalance/analyze", { body: scenarios("as_is", "capped") });
  const accepted = await ask("post", "/rebalance/analyze/async", { body: scenarios("as_is") });
  const params = { operation_id: idIn(accepted, "operation_id") };
  await untilDone("/rebalance/operations/{operation_id}", params.operation_id);
  await ask("get", "/rebalance/operations/{operation_id}", { params });
  await ask("get", "/rebalance/operations");
}

async function recordProposals(): Promise<void> {
  const { create, version, submit, approveRisk } = ADVISORY_BODIES;
  const idempotency_key = "proposal-2026-01-15-0001";
  await ask("post", "/rebalance/proposals/simulate", { body: create.simulate_request });
  await ask("post", "/rebalance/proposals/artifact", { body: create.simulate_request });
  const created = await ask("post", "/rebalance/proposals", { params: { idempotency_key }, body: create });
  const params = { proposal_id: idIn(created, "proposal", "proposal_id"), version_no: "1" };
  await ask("post", "/rebalance/proposals/{proposal_id}/versions", { params, body: version });
  await ask("post", "/rebalance/proposals/{proposal_id}/transitions", { params, body: submit });
  delete answers["ProposalStateTransitionResponse"];
  await ask("post", "/rebalance/proposals/{proposal_id}/approvals", { params, body: approveRisk });
  await ask("get", "/rebalance/proposals");
  await ask("get", "/rebalance/proposals/{proposal_id}", { params, query: "?include_evidence=false" });
  await ask("get", "/rebalance/proposals/{proposal_id}/versions/{version_no}", {
    params,
    query: "?include_evidence=false",
  });
  for (const part of ["workflow-events", "approvals", "lineage", "verify"])
    await ask("get", `/rebalance/proposals/{proposal_id}/${part}`, { params });
  await ask("get", "/rebalance/proposals/idempotency/{idempotency_key}", { params: { idempotency_key } });
  await ask("get", "/rebalance/proposals/supportability/config");
  const accepted = await ask("post", "/rebalance/proposals/async", { body: ADVISORY_BODIES.payIn });
  const operation = { operation_id: idIn(accepted, "operation_id") };
  await untilDone("/rebalance/proposals/operations/{operation_id}", operation.operation_id);
  await ask("get", "/rebalance/proposals/operations/{operation_id}", { params: operation });
}

async function recordWaves(): Promise<void> {
  const created = await ask("post", "/rebalance/waves", { body: CREATE_EXAMPLE });
  const params = { wave_id: idIn(created, "wave_id") };
  await ask("post", "/rebalance/waves/{wave_id}/start", { params, body: {} });
  let { state } = created;
  while (state !== "COMPLETED") {
    delete answers["WaveResponse"];
    ({ state } = await ask("get", "/rebalance/waves/{wave_id}", { params }));
  }
  await ask("get", "/rebalance/waves");
  for (const part of ["items", "events", "verify"])
    await ask("get", `/rebalance/waves/{wave_id}/${part}`, { params });
}

async function recordService(): Promise<void> {
  const params = { policy_pack_id: "pack_cautious" };
  await ask("put", "/rebalance/policies/catalog/{policy_pack_id}", { params, body: POLICY_PACK_EXAMPLE });
  await ask("get", "/rebalance/policies/catalog/{policy_pack_id}", { params });
  await ask("get", "/rebalance/policies/catalog");
  await ask("get", "/rebalance/policies/effective");
  await ask("get", "/rebalance/supportability/summary");
  for (const path of ["/health", "/health/live", "/health/ready", "/integration/capabilities"])
    await ask("get", path);
}

async function recordHistory(): Promise<void> {
  await ask("get", "/events", { query: "?limit=3" });
  await ask("get", "/audit/events", { query: "?limit=1" });
  await ask("get", "/audit/verify");
}

try {
  await recordRuns();
  await recordOperations();
  await recordProposals();
  await recordWaves();
  await recordService();
  await recordHistory();
} finally {
  await service.stop();
}
const lines = Object.entries(answers)
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, answer]) => `${JSON.stringify(name)}: ${JSON.stringify(answer)}`);
writeFileSync(FILE, `{\n${lines.join(",\n")}\n}\n`);
process.stdout.write(`${lines.length} answers\n`);
