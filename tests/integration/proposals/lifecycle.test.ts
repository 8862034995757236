import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Database } from "../../../src/platform/database/database.ts";
import { readJsonBody } from "../../../src/platform/json/read-json.ts";
import { ProposalDetailResponse } from "../../../src/features/proposals/read-schemas.ts";
import { ProposalCreateResponse } from "../../../src/features/proposals/schemas.ts";
import { createProposal } from "../../../src/features/proposals/create-proposal.ts";
import type { Runtime } from "../../../src/runtime.ts";
import {
  readApprovals,
  readLineage,
  readTimeline,
  readVersion,
} from "../../../src/features/proposals/read-proposals.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import {
  addVersion,
  bodyOf,
  caller,
  closePools,
  createBody,
  decide,
  detailOf,
  move,
  newProposal,
  openPools,
  proposalDeps,
  resultOf,
  simulateBody,
  stateOf,
  TENANT,
  textOf,
  verified,
} from "../../support/proposals.ts";

let db: TestDatabase;
let pools: Database[];
let deps: Runtime;

beforeAll(async () => {
  db = await testDatabase();
  pools = openPools(db.url, 1);
  deps = proposalDeps(pools[0] as Database);
});

afterAll(async () => {
  await closePools(pools);
  await db.drop();
});

function parsed(text: string): unknown {
  return JSON.parse(text);
}

async function inRiskReview(by: Runtime = deps): Promise<string> {
  const { proposal } = await newProposal(by);
  await move(by, proposal.proposal_id, {
    event_type: "SUBMITTED_FOR_RISK_REVIEW",
    actor_id: "maker",
    expected_state: "DRAFT",
  });
  return proposal.proposal_id;
}

describe("creating", () => {
  test("answers with proposal, version 1 and the event CREATED, in the shape of the contract", async () => {
    const created = await newProposal(deps);
    expect(created.proposal).toMatchObject({
      current_state: "DRAFT",
      current_version_no: 1,
      portfolio_id: "pf_1",
      created_by: "maker",
      title: "Deploy cash",
      jurisdiction: "CH",
      mandate_id: null,
    });
    expect(created.version).toMatchObject({ version_no: 1, proposal_id: created.proposal.proposal_id });
    expect(created.latest_workflow_event).toMatchObject({
      event_type: "CREATED",
      from_state: null,
      to_state: "DRAFT",
      actor_id: "maker",
      related_version_no: 1,
    });
    expect(created.version.artifact_hash).toBe(created.version.artifact.evidence_bundle.hashes.artifact_hash);
    expect(created.version.evidence_bundle).toEqual(created.version.artifact.evidence_bundle);
  });

  test("answers in canonical JSON: the bytes are those of a second spelling", async () => {
    const outcome = await createProposal(deps, caller(), createBody());
    const { canonicalJson } = await import("../../../src/platform/json/canonical-json.ts");
    const body = readJsonBody(Buffer.from(bodyOf(outcome)));
    expect(body.ok && canonicalJson(body.value)).toBe(bodyOf(outcome));
  });

  test("is replayed under its key, byte for byte, also after the proposal has moved on", async () => {
    const by = caller();
    const first = await createProposal(deps, by, createBody());
    const { proposal } = ProposalCreateResponse.parse(parsed(bodyOf(first)));
    await move(deps, proposal.proposal_id, { event_type: "CANCELLED", expected_state: "DRAFT" });
    const again = await createProposal(deps, { ...by, correlationId: "corr_other" }, createBody());
    expect(again).toEqual({ ...first, made: null, isReplayed: true });
    expect((await createProposal(deps, by, createBody({ created_by: "another" }))).kind).toBe("conflict");
  });

  test("demands the simulation flag, unless the deployment waives it", async () => {
    const body = createBody({ simulate_request: simulateBody({ flag: false }) });
    const by = caller();
    expect(resultOf(await createProposal(deps, by, body))).toBe(
      "422 PROPOSAL_SIMULATION_DISABLED: set options.enable_proposal_simulation=true",
    );
    const lenient = proposalDeps(deps.database, { rules: { requiresSimulationFlag: false } });
    expect(resultOf(await createProposal(lenient, by, body))).toBe("200");
  });

  test("keeps no evidence bundle where the deployment keeps none", async () => {
    const frugal = proposalDeps(deps.database, { rules: { storesEvidenceBundle: false } });
    const { proposal, version } = await newProposal(frugal);
    expect(version.evidence_bundle).toEqual({});
    expect(await verified(frugal, proposal.proposal_id)).toMatchObject({ valid: true });
  });
});

describe("the way to execution", () => {
  test("leads through review and consent, each step with its event, and verifies", async () => {
    const id = await inRiskReview();
    expect(resultOf(await addVersion(deps, id, { simulate_request: simulateBody({ quantity: "20" }) }))).toBe(
      "200",
    );
    const submission = { event_type: "SUBMITTED_FOR_RISK_REVIEW", expected_state: "DRAFT" };
    expect(resultOf(await move(deps, id, submission))).toBe("200");
    expect(resultOf(await decide(deps, id, { approval_type: "RISK", expected_state: "RISK_REVIEW" }))).toBe(
      "200",
    );
    expect(
      resultOf(
        await decide(deps, id, {
          approval_type: "CLIENT_CONSENT",
          expected_state: "AWAITING_CLIENT_CONSENT",
          details: { channel: "phone" },
        }),
      ),
    ).toBe("200");
    expect(
      resultOf(await move(deps, id, { event_type: "EXECUTED", expected_state: "EXECUTION_READY" })),
    ).toBe("200");

    expect(await verified(deps, id)).toEqual({
      valid: true,
      checked: { versions: 2, events: 7, approvals: 2 },
      failures: [],
    });
    const timeline = parsed(textOf(await readTimeline(deps, TENANT, id)));
    expect(timeline).toMatchObject({
      current_state: "EXECUTED",
      events: [
        { event_type: "CREATED" },
        { event_type: "SUBMITTED_FOR_RISK_REVIEW" },
        { event_type: "NEW_VERSION_CREATED", from_state: "RISK_REVIEW", to_state: "DRAFT" },
        { event_type: "SUBMITTED_FOR_RISK_REVIEW", related_version_no: 2 },
        { event_type: "RISK_APPROVED", related_version_no: 2 },
        { event_type: "CLIENT_CONSENT_RECORDED", reason: { channel: "phone" } },
        { event_type: "EXECUTED" },
      ],
    });
    expect(parsed(textOf(await readApprovals(deps, TENANT, id)))).toMatchObject({
      approvals: [
        { approval_type: "RISK", approved: true, related_version_no: 2 },
        { approval_type: "CLIENT_CONSENT", details: { channel: "phone" } },
      ],
    });
    expect(parsed(textOf(await readLineage(deps, TENANT, id)))).toMatchObject({
      proposal: { current_version_no: 2 },
      versions: [{ version_no: 1 }, { version_no: 2 }],
    });
  });

  test("a denied approval rejects the proposal", async () => {
    const id = await inRiskReview();
    const outcome = await decide(deps, id, {
      approval_type: "RISK",
      approved: false,
      expected_state: "RISK_REVIEW",
    });
    expect(parsed(bodyOf(outcome))).toMatchObject({
      current_state: "REJECTED",
      latest_workflow_event: { event_type: "REJECTED" },
      approval: { approved: false, approval_type: "RISK" },
    });
    expect(await verified(deps, id)).toMatchObject({ valid: true });
  });
});

describe("a refusal", () => {
  test("that depended on the state is replayed, also when the state would allow it by now", async () => {
    const { proposal } = await newProposal(deps);
    const id = proposal.proposal_id;
    const by = caller();
    const command = { event_type: "RISK_APPROVED", expected_state: "RISK_REVIEW" };
    const first = await move(deps, id, command, by);
    expect(resultOf(first)).toBe("409 STATE_CONFLICT: expected_state mismatch");
    await move(deps, id, { event_type: "SUBMITTED_FOR_RISK_REVIEW", expected_state: "DRAFT" });
    expect(await move(deps, id, command, by)).toEqual({ ...first, made: null, isReplayed: true });
    expect(await stateOf(deps, id)).toBe("RISK_REVIEW");
  });

  test.each([
    ["an illegal event", { event_type: "EXECUTED", expected_state: "RISK_REVIEW" }, "422 INVALID_TRANSITION"],
    ["no expected state", { event_type: "CANCELLED" }, "409 STATE_CONFLICT: expected_state is required"],
    [
      "an unknown version",
      { event_type: "RISK_APPROVED", expected_state: "RISK_REVIEW", related_version_no: 7 },
      "404 PROPOSAL_VERSION_NOT_FOUND",
    ],
    [
      "own work",
      { event_type: "RISK_APPROVED", expected_state: "RISK_REVIEW", actor_id: "maker" },
      "403 SEGREGATION_OF_DUTIES",
    ],
  ])("of %s changes nothing", async (_title, command, expected) => {
    const id = await inRiskReview();
    const before = await detailOf(deps, id);
    expect(resultOf(await move(deps, id, command))).toBe(expected);
    expect(await detailOf(deps, id)).toBe(before);
  });

  test("for want of the proposal or of a second person leaves the key free", async () => {
    const id = await inRiskReview();
    const by = caller();
    const own = { approval_type: "RISK", expected_state: "RISK_REVIEW", actor_id: "maker" };
    expect(resultOf(await decide(deps, id, own, by))).toBe("403 SEGREGATION_OF_DUTIES");
    expect(resultOf(await decide(deps, id, { ...own, actor_id: "checker" }, by))).toBe("200");
    const nowhere = `pp_${"0".repeat(32)}`;
    expect(resultOf(await move(deps, nowhere, { event_type: "CANCELLED" }))).toBe("404 PROPOSAL_NOT_FOUND");
  });

  test("keeps other tenants out: their id is not found, their keys do not collide", async () => {
    const by = caller("shared-key");
    const created = await createProposal(deps, by, createBody());
    const { proposal } = ProposalCreateResponse.parse(parsed(bodyOf(created)));
    const other = caller("shared-key", "tenant-b");
    expect(await createProposal(deps, other, createBody())).toMatchObject({ isReplayed: false });
    expect(
      resultOf(await move(deps, proposal.proposal_id, { event_type: "CANCELLED" }, caller("k", "tenant-b"))),
    ).toBe("404 PROPOSAL_NOT_FOUND");
    expect(textOf(await readTimeline(deps, "tenant-b", proposal.proposal_id))).toBe("404 PROPOSAL_NOT_FOUND");
  });
});

describe("four eyes, bound to a version", () => {
  const RISK = { approval_type: "RISK", expected_state: "RISK_REVIEW" };
  const CONSENT = {
    approval_type: "CLIENT_CONSENT",
    expected_state: "AWAITING_CLIENT_CONSENT",
    actor_id: "client",
  };
  const EXECUTION = { event_type: "EXECUTED", expected_state: "EXECUTION_READY", actor_id: "maker" };
  const BLOCKED = { simulate_request: simulateBody({ quantity: "5000" }) };

  async function executionReady(): Promise<string> {
    const id = await inRiskReview();
    expect(resultOf(await decide(deps, id, RISK))).toBe("200");
    expect(resultOf(await decide(deps, id, CONSENT))).toBe("200");
    return id;
  }

  test.each([
    ["a good", {}],
    ["a BLOCKED", BLOCKED],
  ])(
    "%s version added after consent is not executed by its maker: its review starts again",
    async (_title, change) => {
      const id = await executionReady();
      expect(resultOf(await addVersion(deps, id, change))).toBe("200");
      expect(await stateOf(deps, id)).toBe("DRAFT");
      expect(resultOf(await move(deps, id, EXECUTION))).toBe("409 STATE_CONFLICT: expected_state mismatch");
      expect(resultOf(await move(deps, id, { ...EXECUTION, expected_state: "DRAFT" }))).toBe(
        "422 INVALID_TRANSITION",
      );
      expect(await verified(deps, id)).toMatchObject({ valid: true });
    },
  );

  test("where the deployment keeps the state, neither consent nor execution is of what nobody approved", async () => {
    const keeping = proposalDeps(deps.database, { rules: { newVersionRestartsReview: false } });
    const ready = await executionReady();
    await addVersion(keeping, ready);
    expect(await stateOf(keeping, ready)).toBe("EXECUTION_READY");
    const by = caller();
    const refused = await move(keeping, ready, EXECUTION, by);
    expect(resultOf(refused)).toBe("409 STATE_CONFLICT: version not approved");
    expect(await move(keeping, ready, EXECUTION, by)).toEqual({ ...refused, isReplayed: true });
    const awaiting = await inRiskReview();
    await decide(keeping, awaiting, RISK);
    await addVersion(keeping, awaiting);
    expect(resultOf(await decide(keeping, awaiting, CONSENT))).toBe(
      "409 STATE_CONFLICT: version not approved",
    );
    expect(resultOf(await decide(keeping, awaiting, { ...CONSENT, approved: false }))).toBe("200");
  });

  test("both routes refuse a decision on a superseded version, whichever it is", async () => {
    const id = await inRiskReview();
    await addVersion(deps, id);
    await move(deps, id, { event_type: "SUBMITTED_FOR_RISK_REVIEW", expected_state: "DRAFT" });
    const old = { expected_state: "RISK_REVIEW", related_version_no: 1 };
    const superseded = "409 STATE_CONFLICT: version superseded";
    for (const event_type of ["RISK_APPROVED", "REJECTED", "CANCELLED"]) {
      expect(resultOf(await move(deps, id, { ...old, event_type }))).toBe(superseded);
    }
    for (const approved of [true, false]) {
      expect(resultOf(await decide(deps, id, { ...RISK, ...old, approved }))).toBe(superseded);
    }
    await decide(deps, id, RISK);
    await decide(deps, id, CONSENT);
    expect(resultOf(await move(deps, id, { ...EXECUTION, related_version_no: 1 }))).toBe(superseded);
    expect(resultOf(await move(deps, id, { ...EXECUTION, related_version_no: 2 }))).toBe("200");
  });

  test("a BLOCKED version takes no step, unless the deployment allows it; then the event says so", async () => {
    const { proposal, version } = await newProposal(deps, BLOCKED);
    const id = proposal.proposal_id;
    expect(version.status_at_creation).toBe("BLOCKED");
    const submission = { event_type: "SUBMITTED_FOR_RISK_REVIEW", expected_state: "DRAFT" };
    expect(resultOf(await move(deps, id, submission))).toBe("409 STATE_CONFLICT: version blocked");
    const open = proposalDeps(deps.database, { rules: { allowsBlockedVersions: true } });
    expect(resultOf(await move(open, id, submission))).toBe("200");
    expect(resultOf(await decide(deps, id, RISK))).toBe("409 STATE_CONFLICT: version blocked");
    expect(resultOf(await decide(open, id, RISK))).toBe("200");
    expect(resultOf(await decide(deps, id, CONSENT))).toBe("409 STATE_CONFLICT: version blocked");
    expect(resultOf(await decide(open, id, CONSENT))).toBe("200");
    expect(resultOf(await move(deps, id, EXECUTION))).toBe("409 STATE_CONFLICT: version blocked");
    expect(resultOf(await move(open, id, EXECUTION))).toBe("200");
    expect(await verified(deps, id)).toMatchObject({ valid: true });
  });

  test.each(["MAKER", "Maker"])("%s is the maker by another spelling, by either route", async (actor_id) => {
    const id = await inRiskReview();
    expect(resultOf(await decide(deps, id, { ...RISK, actor_id }))).toBe("403 SEGREGATION_OF_DUTIES");
    const event = { event_type: "RISK_APPROVED", expected_state: "RISK_REVIEW", actor_id };
    expect(resultOf(await move(deps, id, event))).toBe("403 SEGREGATION_OF_DUTIES");
  });

  test("RISK approval and execution are by different people where the deployment asks for it", async () => {
    const strict = proposalDeps(deps.database, { rules: { requiresDistinctApprovers: true } });
    const id = await executionReady();
    const own = { ...EXECUTION, actor_id: "Checker" };
    expect(resultOf(await move(strict, id, own))).toBe("403 SEGREGATION_OF_DUTIES");
    expect(resultOf(await move(deps, id, own))).toBe("200");
    expect(await verified(deps, id)).toMatchObject({ valid: true });
  });
});

describe("a new version", () => {
  test("makes the approval of the one before it a conflict", async () => {
    const id = await inRiskReview();
    await addVersion(deps, id, { created_by: "second maker" });
    await move(deps, id, { event_type: "SUBMITTED_FOR_RISK_REVIEW", expected_state: "DRAFT" });
    const approval = { approval_type: "RISK", expected_state: "RISK_REVIEW" };
    expect(resultOf(await decide(deps, id, { ...approval, related_version_no: 1 }))).toBe(
      "409 STATE_CONFLICT: version superseded",
    );
    expect(resultOf(await decide(deps, id, { ...approval, actor_id: "second maker" }))).toBe(
      "403 SEGREGATION_OF_DUTIES",
    );
    expect(resultOf(await decide(deps, id, { ...approval, actor_id: "maker" }))).toBe("200");
  });

  test("is refused for another portfolio and for what has ended", async () => {
    const id = await inRiskReview();
    const elsewhere = { simulate_request: simulateBody({ portfolioId: "pf_2" }) };
    expect(resultOf(await addVersion(deps, id, elsewhere))).toBe("422 PORTFOLIO_CONTEXT_MISMATCH");
    await move(deps, id, { event_type: "CANCELLED", expected_state: "RISK_REVIEW" });
    expect(resultOf(await addVersion(deps, id))).toBe("422 PROPOSAL_TERMINAL_STATE: cannot create version");
  });

  test("may be for another portfolio where the deployment allows it", async () => {
    const open = proposalDeps(deps.database, { rules: { allowsPortfolioChangeOnNewVersion: true } });
    const id = await inRiskReview(open);
    const outcome = await addVersion(open, id, { simulate_request: simulateBody({ portfolioId: "pf_2" }) });
    expect(ProposalCreateResponse.parse(parsed(bodyOf(outcome))).proposal.portfolio_id).toBe("pf_2");
    expect(await verified(open, id)).toMatchObject({ valid: true });
  });

  test("leaves the ones before it readable as they were", async () => {
    const created = await newProposal(deps);
    const id = created.proposal.proposal_id;
    await addVersion(deps, id, { simulate_request: simulateBody({ quantity: "20" }) });
    expect(parsed(textOf(await readVersion(deps, TENANT, id, 1, true)))).toEqual(
      parsed(JSON.stringify(created.version)),
    );
    expect(parsed(textOf(await readVersion(deps, TENANT, id, 2, false)))).toMatchObject({
      version_no: 2,
      evidence_bundle: {},
    });
    expect(textOf(await readVersion(deps, TENANT, id, 3, true))).toBe("404 PROPOSAL_VERSION_NOT_FOUND");
  });
});

describe("as of a moment", () => {
  test("a proposal, its version and its events are as they were then", async () => {
    let now = Date.parse("2026-03-01T09:00:00.000Z");
    const timed = proposalDeps(deps.database, { clock: () => new Date(now) });
    const minutes = async (work: () => Promise<unknown>) => {
      now += 60_000;
      await work();
      return { at: new Date(now).toISOString(), detail: await detailOf(timed, id) };
    };
    const created = await newProposal(timed);
    const id = created.proposal.proposal_id;
    const moments = [{ at: created.proposal.created_at, detail: await detailOf(timed, id) }];
    moments.push(
      await minutes(() =>
        move(timed, id, { event_type: "SUBMITTED_FOR_RISK_REVIEW", expected_state: "DRAFT" }),
      ),
      await minutes(() => addVersion(timed, id, { simulate_request: simulateBody({ quantity: "30" }) })),
      await minutes(() =>
        move(timed, id, { event_type: "SUBMITTED_FOR_RISK_REVIEW", expected_state: "DRAFT" }),
      ),
      await minutes(() => decide(timed, id, { approval_type: "RISK", expected_state: "RISK_REVIEW" })),
    );
    for (const { at, detail } of moments) expect(await detailOf(timed, id, at)).toBe(detail);
    expect(ProposalDetailResponse.parse(parsed(moments[2]?.detail ?? "")).current_version.version_no).toBe(2);
    expect(await detailOf(timed, id, "2026-03-01T08:59:59.999Z")).toBe("404 PROPOSAL_NOT_FOUND");
    expect(await readTimeline(timed, TENANT, id, moments[1]?.at)).toMatchObject({ found: true });
    expect(parsed(textOf(await readTimeline(timed, TENANT, id, moments[1]?.at)))).toMatchObject({
      current_state: "RISK_REVIEW",
      events: [{ event_type: "CREATED" }, { event_type: "SUBMITTED_FOR_RISK_REVIEW" }],
    });
  });

  test("a clock that runs behind does not put an event before the one it follows", async () => {
    const { proposal } = await newProposal(deps);
    const behind = proposalDeps(deps.database, { clock: () => new Date("2020-01-01T00:00:00Z") });
    const outcome = await move(behind, proposal.proposal_id, {
      event_type: "CANCELLED",
      expected_state: "DRAFT",
    });
    expect(parsed(bodyOf(outcome))).toMatchObject({
      latest_workflow_event: { occurred_at: proposal.last_event_at },
    });
    expect(await verified(deps, proposal.proposal_id)).toMatchObject({ valid: true });
  });
});
