import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { transferableSymbol } from "piscina";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { CreateBody, SimulateBody, VersionBody } from "../../../src/features/proposals/bodies.ts";
import {
  CALCULATE_ARTIFACT,
  CALCULATE_SIMULATION,
  CHECK_VERSIONS,
  HASH_EVENTS,
  PREPARE_PROPOSAL,
  PREPARE_VERSION,
} from "../../../src/features/proposals/calculations.ts";
import { AnalyzeBody, RebalanceBody } from "../../../src/features/rebalance/bodies.ts";
import { CALCULATE_BATCH, CALCULATE_RUN } from "../../../src/features/rebalance/calculations.ts";
import { MAKE_ARTIFACT } from "../../../src/features/runs/derive-artifact.ts";
import type { MadeRun, RunRecord } from "../../../src/features/runs/repository.ts";
import { REPRODUCE_RUN } from "../../../src/features/runs/reproduce-run.ts";
import { VERIFY_RUN, type VerifyInput } from "../../../src/features/support/calculations.ts";
import type { BodyType } from "../../../src/platform/body-type.ts";
import { canonicalJson } from "../../../src/platform/json/canonical-json.ts";
import { orRefuse } from "../../../src/platform/http/accepted.ts";
import type { RefusedInput } from "../../../src/platform/refused-input.ts";
import { wholeText } from "../../../src/platform/text-parts.ts";
import { openThreads, type Calculation, type OpenThreads } from "../../../src/platform/threads.ts";
import { documentOf } from "../../support/documents.ts";
import { asJsonBody } from "../../support/rebalance-request.ts";
import { readVectors } from "../../support/vectors.ts";
import { simulateBody } from "../../../scripts/bench/portfolio.ts";

/** More than is calculated in the thread that serves HTTP. */
const IN_A_THREAD = { cost: 1_000 };
const AT = "2026-03-01T09:30:00.000Z";

const opened: OpenThreads[] = [];

/** The threads of the compiled service. */
function open(options: { threads: number; queueMax: number }): OpenThreads["calculations"] {
  const file = pathToFileURL(join(inject("testServer").serviceFolder, "dist", "thread.js"));
  const threads = openThreads({ file, ...options });
  opened.push(threads);
  return threads.calculations;
}

let calculations: OpenThreads["calculations"];
beforeAll(() => {
  calculations = open({ threads: 2, queueMax: 10 });
});
afterAll(() => Promise.all(opened.map(({ close }) => close())));

/** What a thread makes of an input, and what this one does. */
async function bothWays<Input, Output>(calculation: Calculation<Input, Output | RefusedInput>, input: Input) {
  const threaded = orRefuse<Output>(await calculations.run(calculation, input, IN_A_THREAD));
  return { threaded, inline: orRefuse<Output>(calculation.compute(input)) };
}

const READING = { unknownFields: "refuse", reader: { tenantId: "default", caller: null } } as const;

async function readBothWays<T, Facts extends object>(type: BodyType<T, Facts>, body: unknown) {
  const bytes = Buffer.from(canonicalJson(body), "utf8");
  return bothWays(type.reading, { bytes, ...READING });
}

const IDENTITY = {
  runId: "rr_1",
  correlationId: "corr_1",
  requestHash: "sha256:1",
  idempotencyKey: "key-1",
  engineVersion: "1.0.0",
  defaultRulesVersion: "1" as const,
};
const CIRCUMSTANCES = { createdAt: AT, batchRunId: null, storesArtifact: true };
const CONTEXT = {
  correlationId: "corr_1",
  idempotencyKey: "key-1",
  engineVersion: "1.0.0",
  defaultRulesVersion: "1",
} as const;

/** A run as its documents are stored. */
function storedRun(run: MadeRun): RunRecord {
  const { input_text, request_text, result_text, artifact_text } = run;
  return {
    ...run,
    input_text: wholeText(input_text),
    request_text: request_text === null ? null : wholeText(request_text),
    result_text: wholeText(result_text),
    artifact_text: artifact_text === null ? null : wholeText(artifact_text),
  };
}

/** Of a run of which nothing is stored but itself. */
function evidenceOf(run: RunRecord): VerifyInput {
  const nothing = {
    edges: [],
    keyRecord: undefined,
    waveItem: undefined,
    history: [],
    decisions: [],
    actionRecords: [],
  };
  const evidence = {
    run: { ...run, authenticated_subject: null },
    payload: run,
    policyPack: undefined,
    ...nothing,
  };
  return { tenantId: "default", evidence, engineVersion: "1.0.0" };
}

describe("a thread gives the bytes that the thread of HTTP gives", () => {
  test("of rebalances and of their reproduction", async () => {
    const definition_text =
      '{"policy_pack_id":"p","turnover_policy":{"max_turnover_pct":"0.25"},"version":"1"}';
    const policyPack = { id: "p", version: "1", revision: 1, definition_text, valid_from: "" };
    for (const { id, request } of readVectors("dev-dpm")) {
      const document = documentOf(RebalanceBody, request);
      const pack = { policyPack, isPackMissing: false };
      const input = { document, ...pack, identity: IDENTITY, circumstances: CIRCUMSTANCES };
      const run = await bothWays(CALCULATE_RUN, input);
      expect(run.threaded, id).toEqual(run.inline);
      const stored = storedRun(run.inline);
      const reproduced = await bothWays(REPRODUCE_RUN, {
        run: { ...stored, authenticated_subject: null },
        engineVersion: "1.0.0",
        defaultRulesVersion: "1" as const,
      });
      expect(reproduced.threaded, id).toEqual(reproduced.inline);
      expect(reproduced.threaded.reproducible, id).toBe(true);
      const artifact = await bothWays(MAKE_ARTIFACT, stored);
      expect(artifact.threaded, id).toBe(stored.artifact_text);
      const verified = await bothWays(VERIFY_RUN, evidenceOf(stored));
      expect(verified.threaded, id).toEqual(verified.inline);
    }
  });

  test("of batches, with what is wrong with a scenario in the words of its first reading", async () => {
    for (const { id, request } of readVectors("dev-batch")) {
      const document = documentOf(AnalyzeBody, request);
      const batch = await bothWays(CALCULATE_BATCH, {
        document,
        unknownFields: "refuse",
        faults: document.faults,
        policyPack: undefined,
        isPackMissing: false,
        batchRunId: "batch_1",
        runIds: Array.from({ length: 20 }, (_, at) => `rr_${at}`),
        correlationId: "corr_1",
        engineVersion: "1.0.0",
        defaultRulesVersion: "1" as const,
        createdAt: AT,
        storesArtifact: false,
      });
      expect(batch.threaded, id).toEqual(batch.inline);
    }
  });

  test("of simulations, artifacts, proposals and versions", async () => {
    for (const { id, request } of readVectors("dev-proposal")) {
      const document = documentOf(SimulateBody, request);
      const simulation = await bothWays(CALCULATE_SIMULATION, { document, context: CONTEXT });
      expect(simulation.threaded, id).toEqual(simulation.inline);
      const input = { document, resultText: simulation.inline, packagedAt: AT };
      const artifact = await bothWays(CALCULATE_ARTIFACT, input);
      expect(artifact.threaded, id).toEqual(artifact.inline);
      const draft = { created_by: "maker", simulate_request: request };
      const proposal = await bothWays(PREPARE_PROPOSAL, {
        document: documentOf(CreateBody, draft),
        tenantId: "t",
        context: CONTEXT,
        keepsEvidence: true,
        createdAt: AT,
        proposalId: "pp_1",
        versionId: "ppv_1",
        eventId: "pwe_1",
        authenticatedSubject: null,
      });
      expect(proposal.threaded, id).toEqual(proposal.inline);
      const version = await bothWays(PREPARE_VERSION, {
        document: documentOf(VersionBody, draft),
        context: CONTEXT,
        keepsEvidence: true,
        createdAt: AT,
      });
      expect(version.threaded, id).toEqual(version.inline);
      const { event, version: made } = proposal.inline;
      const stored = {
        ...made,
        request_text: wholeText(made.request_text),
        result_text: wholeText(made.result_text),
        artifact_text: wholeText(made.artifact_text),
      };
      const checked = await bothWays(CHECK_VERSIONS, [stored]);
      expect(checked.threaded, id).toEqual(checked.inline);
      expect(checked.threaded[0], id).toMatchObject({ fault: null });
      const hashed = await bothWays(HASH_EVENTS, [event]);
      expect(hashed.threaded, id).toEqual(hashed.inline);
      expect(hashed.threaded[0]?.content_hash, id).toBe(event.event_hash);
    }
  });

  test("of bodies, and the same faults of those that are wrong", async () => {
    for (const { id, request } of readVectors("dev-dpm").slice(0, 20)) {
      const read = await readBothWays(RebalanceBody, request);
      expect(read.threaded, id).toEqual(read.inline);
      expect(read.threaded.kind, id).toBe("read");
    }
    const wrong = await readBothWays(RebalanceBody, { ...simulateBody(3), shelf_entries: [{}], more: 1 });
    expect(wrong.threaded).toEqual(wrong.inline);
    expect(wrong.threaded.kind).toBe("refused");
    const bytes = Buffer.from("{", "utf8");
    const broken = await bothWays(RebalanceBody.reading, { bytes, ...READING });
    expect(broken.threaded).toEqual(broken.inline);
    expect(broken.threaded.kind).toBe("malformed");
  });
});

test("a large text comes from a thread without a copy, once where it is stored and shown", async () => {
  const { default: compute } = await import("../../../src/thread.ts");
  const { options, ...inputs } = simulateBody(300);
  const body = { ...inputs, scenarios: { one: { options }, two: { options } } };
  const document = documentOf(AnalyzeBody, asJsonBody(body));
  const input = {
    document,
    unknownFields: "refuse",
    faults: document.faults,
    policyPack: undefined,
    isPackMissing: false,
    batchRunId: "batch_1",
    runIds: ["rr_1", "rr_2"],
    correlationId: "corr_1",
    engineVersion: "1.0.0",
    defaultRulesVersion: "1" as const,
    createdAt: AT,
    storesArtifact: false,
  };
  const left = compute({ name: CALCULATE_BATCH.name, input });
  // Two inputs and two results, which stand in the answer of the batch too.
  expect(left).toMatchObject({ [transferableSymbol]: Array(4).fill(expect.any(ArrayBuffer)) });
});

test("threads that are closed while the first still loads let it load: Node aborts the process otherwise", async () => {
  const folder = await mkdtemp(join(tmpdir(), "ballast-threads-"));
  const left = join(folder, "loaded");
  vi.stubEnv("SLOW_THREAD_FILE", left);
  try {
    const file = new URL("../../support/children/slow-thread.mjs", import.meta.url);
    await openThreads({ file, threads: 1, queueMax: 1 }).close();
    expect(await readFile(left, "utf8")).toBe("loaded");
  } finally {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  }
});

describe("calculations that come faster than they are made", () => {
  const slow = {
    document: documentOf(RebalanceBody, asJsonBody(simulateBody(2_000))),
    policyPack: undefined,
    isPackMissing: false,
    identity: IDENTITY,
    circumstances: CIRCUMSTANCES,
  };

  test("wait up to the bound; one more is refused, and what was accepted waits all the same", async () => {
    const one = open({ threads: 1, queueMax: 1 });
    await one.run(CALCULATE_RUN, slow, IN_A_THREAD); // the thread is there
    const started = [one.run(CALCULATE_RUN, slow, IN_A_THREAD), one.run(CALCULATE_RUN, slow, IN_A_THREAD)];
    await expect(one.run(CALCULATE_RUN, slow, IN_A_THREAD)).rejects.toMatchObject({ kind: "overloaded" });
    const accepted = one.run(CALCULATE_RUN, slow, { ...IN_A_THREAD, waits: true });
    const texts = (await Promise.all([...started, accepted])).map((made) => orRefuse(made).result_hash);
    expect(new Set(texts).size).toBe(1);
  });

  test("are refused by what is ahead of them, for each thread half of the largest batch, and not by their own size", async () => {
    const one = open({ threads: 1, queueMax: 10 });
    // A thread is free for the first; half of the bound is ahead of the second.
    const started = [5_000, 100_000].map((cost) => one.run(CALCULATE_RUN, slow, { cost }));
    await expect(one.run(CALCULATE_RUN, slow, IN_A_THREAD)).rejects.toMatchObject({ kind: "overloaded" });
    for (const made of await Promise.all(started)) expect(orRefuse(made).status).toBe("READY");
    expect(orRefuse(await one.run(CALCULATE_RUN, slow, { cost: 100_000 })).status).toBe("READY");
  });

  test("never wait for a thread behind work that can wait itself", async () => {
    const two = open({ threads: 2, queueMax: 10 });
    await two.run(CALCULATE_RUN, slow, IN_A_THREAD);
    const ended: string[] = [];
    const accepted = Array.from({ length: 4 }, async (_, at) => {
      await two.run(CALCULATE_RUN, slow, { ...IN_A_THREAD, waits: true });
      ended.push(`accepted ${at}`);
    });
    await two.run(CALCULATE_RUN, slow, IN_A_THREAD);
    ended.push("awaited");
    await Promise.all(accepted);
    expect(ended.indexOf("awaited")).toBeLessThan(3);
  });

  test("go ahead of work that yields, though it came before them, and it is done all the same", async () => {
    const two = open({ threads: 2, queueMax: 10 });
    await two.run(CALCULATE_RUN, slow, IN_A_THREAD);
    const ended: string[] = [];
    const run = async (name: string, terms: object) => {
      await two.run(CALCULATE_RUN, slow, { ...IN_A_THREAD, ...terms });
      ended.push(name);
    };
    const yielding = { waits: true, yields: true };
    const names = ["awaited", "awaited", "yielding", "yielding", "awaited", "awaited"];
    await Promise.all(names.map((name) => run(name, name === "yielding" ? yielding : {})));
    expect(ended.slice(0, 3)).toEqual(["awaited", "awaited", "awaited"]);
    expect(ended).toHaveLength(6);
  });

  test("end when nobody waits for them any more, and leave the thread to the others", async () => {
    const one = open({ threads: 1, queueMax: 10 });
    await one.run(CALCULATE_RUN, slow, IN_A_THREAD);
    const underWay = new AbortController();
    const waiting = new AbortController();
    const first = one.run(CALCULATE_RUN, slow, { ...IN_A_THREAD, signal: underWay.signal });
    const second = one.run(CALCULATE_RUN, slow, { ...IN_A_THREAD, signal: waiting.signal });
    const third = one.run(CALCULATE_RUN, slow, IN_A_THREAD);
    waiting.abort();
    await expect(second).rejects.toMatchObject({ kind: "cancelled" });
    await delay(5);
    underWay.abort();
    await expect(first).rejects.toMatchObject({ kind: "cancelled" });
    expect(orRefuse(await third).status).toBe("READY");
  });

  test("are not begun when their time is up already", async () => {
    const signal = AbortSignal.abort();
    for (const cost of [0, 1_000]) {
      await expect(calculations.run(CALCULATE_RUN, slow, { cost, signal })).rejects.toMatchObject({
        kind: "cancelled",
      });
    }
  });
});
