import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ProposalCreateResponse } from "../../../src/features/proposals/schemas.ts";
import { DpmRunArtifactResponse } from "../../../src/features/runs/schemas.ts";
import { REPORT_STYLE } from "../../../src/features/reports/pages/style.ts";
import { en } from "../../../src/features/reports/words/en.ts";
import { openTestApp, read, refusalOf, type Received, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { simulateBody } from "../../support/proposals.ts";
import { faultsOfPage, readPage } from "../../support/reports.ts";
import { act, makeRun, newKey } from "../../support/runs.ts";
import { withSession } from "../../support/session.ts";

let db: TestDatabase;
let app: TestApp;

beforeAll(async () => {
  db = await testDatabase();
  app = await openTestApp(db.url);
});

afterAll(async () => {
  await app.close();
  await db.drop();
});

async function makeProposal(service: TestApp = app): Promise<string> {
  const made = await service.post("/rebalance/proposals", {
    key: newKey("create"),
    body: {
      created_by: "maker",
      metadata: { title: "<b>Deploy</b> cash", jurisdiction: "CH" },
      simulate_request: simulateBody(),
    },
  });
  return read(ProposalCreateResponse, made).proposal.proposal_id;
}

async function addVersion(id: string): Promise<void> {
  const body = { created_by: "maker", simulate_request: simulateBody({ quantity: "20" }) };
  const added = await app.post(`/rebalance/proposals/${id}/versions`, { key: newKey("version"), body });
  expect(added.status).toBe(200);
}

async function approve(id: string): Promise<void> {
  const steps = [
    ["transitions", { event_type: "SUBMITTED_FOR_RISK_REVIEW", actor_id: "maker", expected_state: "DRAFT" }],
    [
      "approvals",
      {
        approval_type: "RISK",
        approved: true,
        actor_id: "risk_7",
        expected_state: "RISK_REVIEW",
        details: { basis: "within the mandate" },
      },
    ],
  ] as const;
  for (const [path, body] of steps) {
    const done = await app.post(`/rebalance/proposals/${id}/${path}`, { key: newKey(path), body });
    expect(done.status).toBe(200);
  }
}

/** Alters what is stored as the owner of the database can who has switched off every trigger. */
async function alter(statement: string, ...values: unknown[]): Promise<void> {
  await withSession(db.adminUrl, async (session) => {
    await session.query("begin; set local session_replication_role = replica");
    const { rowCount } = await session.query(statement, values);
    if (rowCount !== 1) throw new Error(`nothing altered by: ${statement}`);
    await session.query("commit");
  });
}

function textOf(answer: Received): string {
  expect([answer.status, answer.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
  return readPage(answer.text).text;
}

const proposalReport = (id: string, query = "", headers = {}) =>
  app.get(`/rebalance/proposals/${id}/report${query}`, headers);
const runReport = (id: string, headers = {}) => app.get(`/rebalance/runs/${id}/report`, headers);

describe("the report of a proposal", () => {
  test("is a page that nothing runs in and nobody keeps", async () => {
    const answer = await proposalReport(await makeProposal());
    expect(answer.headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "content-language": "en",
      "content-security-policy": REPORT_STYLE.policy,
      "cache-control": "no-store",
      vary: "Accept-Language",
      "x-content-type-options": "nosniff",
    });
    expect(await faultsOfPage(answer.text)).toEqual([]);
    expect(readPage(answer.text).errors).toEqual([]);
    expect(textOf(answer)).toContain("<b>Deploy</b> cash");
  });

  test("tells who approved which version, and that all of it holds", async () => {
    const id = await makeProposal();
    await addVersion(id);
    await approve(id);
    const text = textOf(await proposalReport(id));
    expect(text).toContain("State: Awaiting client consent");
    expect(text).toMatch(/Risk Approved risk_7 2 .* basis : within the mandate/);
    expect(text).toContain("Checked: Versions 2, Events 4, Approvals 1.");
    expect(text).toContain(en.badges.valid);
    expect(text).not.toContain(en.badges.invalid);
  });

  test("shows the version that is asked for", async () => {
    const id = await makeProposal();
    await addVersion(id);
    const [first, second, current] = await Promise.all(
      ["?version_no=1", "?version_no=2", ""].map(async (query) => textOf(await proposalReport(id, query))),
    );
    expect(first).toContain(en.notices.superseded(1, 2));
    expect(first).toMatch(/EQ_1 Buy 10 /);
    expect(second).toMatch(/EQ_1 Buy 20 /);
    expect(current).toMatch(/EQ_1 Buy 20 /);
    expect(current).not.toContain(en.notices.superseded(1, 2));
  });

  test("is in the language that the reader prefers", async () => {
    const id = await makeProposal();
    const german = await proposalReport(id, "", { "accept-language": "fr, de-CH;q=0.9, en;q=0.8" });
    expect(german.headers["content-language"]).toBe("de-CH");
    expect(textOf(german)).toContain("Anlagevorschlag");
    const french = await proposalReport(id, "", { "accept-language": "fr" });
    expect(french.headers["content-language"]).toBe("en");
  });

  test("says at the top that what is stored was altered, from that moment on", async () => {
    const id = await makeProposal();
    expect(textOf(await proposalReport(id))).not.toContain(en.notices.unverified);
    await alter(
      "update proposal_version set artifact_text = replace(artifact_text, '1100', '9100') where proposal_id = $1",
      id,
    );
    const text = textOf(await proposalReport(id));
    expect(text).toContain(en.notices.unverified);
    expect(text).toContain(en.badges.invalid);
    expect(text).not.toContain("nothing is altered");
  });

  test("is there where the artifact cannot be read any more, and says so", async () => {
    const id = await makeProposal();
    await alter("update proposal_version set artifact_text = 'gone' where proposal_id = $1", id);
    const text = textOf(await proposalReport(id));
    expect(text).toContain(en.notices.unreadable);
    expect(text).toContain(en.notices.unverified);
  });

  test.each([
    ["an unknown proposal", "pp_none", "", "404 PROPOSAL_NOT_FOUND"],
    ["a version of an unknown proposal", "pp_none", "?version_no=1", "404 PROPOSAL_VERSION_NOT_FOUND"],
    ["version 0", "pp_none", "?version_no=0", "422 VALIDATION_FAILED"],
    ["a version that is no number", "pp_none", "?version_no=latest", "422 VALIDATION_FAILED"],
    ["a version beyond all numbers", "pp_none", "?version_no=2147483648", "422 VALIDATION_FAILED"],
    ["another parameter", "pp_none", "?version=1", "422 VALIDATION_FAILED"],
  ])("of %s is a problem", async (_what, id, query, refusal) => {
    expect(refusalOf(await proposalReport(id, query))).toBe(refusal);
  });

  test("of a version that is not there is a problem", async () => {
    const id = await makeProposal();
    expect(refusalOf(await proposalReport(id, "?version_no=2"))).toBe("404 PROPOSAL_VERSION_NOT_FOUND");
  });

  test("is not there for another tenant", async () => {
    const id = await makeProposal();
    const other = { "x-tenant-id": "another-bank" };
    expect(refusalOf(await proposalReport(id, "", other))).toBe("404 PROPOSAL_NOT_FOUND");
    expect(refusalOf(await proposalReport(id, "?version_no=1", other))).toBe(
      "404 PROPOSAL_VERSION_NOT_FOUND",
    );
  });
});

describe("the report of a run", () => {
  test("shows its artifact, its review, and that all of it holds", async () => {
    const { id } = await makeRun(app);
    await act(app, id, "APPROVE");
    const answer = await runReport(id, { "accept-language": "en-US" });
    expect(await faultsOfPage(answer.text)).toEqual([]);
    expect(answer.headers["content-security-policy"]).toBe(REPORT_STYLE.policy);
    const text = textOf(answer);
    const { evidence } = read(DpmRunArtifactResponse, await app.get(`/rebalance/runs/${id}/artifact`));
    expect(text).toContain(evidence.hashes.artifact_hash);
    expect(text).toContain("Review: Approved");
    expect(text).toMatch(/Approve Approved officer_1 .* Reason: LIMITS_CHECKED/);
    expect(text).toContain(en.badges.valid);
  });

  test("says that what is stored was altered", async () => {
    const { id } = await makeRun(app);
    await alter(
      "update run_payload set result_text = replace(result_text, '\"1000\"', '\"9999\"') where rebalance_run_id = $1",
      id,
    );
    const text = textOf(await runReport(id));
    expect(text).toContain(en.notices.unverified);
    expect(text).toContain("its result does not give its result_hash");
  });

  test.each(["{}", "gone", '{"before":{}}'])("is there where its result is %s", async (result) => {
    const { id } = await makeRun(app);
    await alter("update run_payload set result_text = $2 where rebalance_run_id = $1", id, result);
    const text = textOf(await runReport(id));
    expect(text).toContain(en.notices.unreadable);
    expect(text).toContain(en.notices.unverified);
  });

  test("is of the stored artifact where one is stored", async () => {
    const storing = await openTestApp(db.url, { DPM_ARTIFACT_STORE_MODE: "PERSISTED" });
    const { id } = await makeRun(storing);
    await storing.close();
    await alter(
      "update run_payload set artifact_text = replace(artifact_text, 'EQ_1', 'EQ_X') where rebalance_run_id = $1",
      id,
    );
    const text = textOf(await runReport(id));
    expect(text).toContain("EQ_X");
    expect(text).toContain(en.notices.unverified);
  });

  test("is not there for another tenant, nor for an unknown id", async () => {
    const { id } = await makeRun(app);
    expect(refusalOf(await runReport(id, { "x-tenant-id": "another-bank" }))).toBe("404 DPM_RUN_NOT_FOUND");
    expect(refusalOf(await runReport("rr_none"))).toBe("404 DPM_RUN_NOT_FOUND");
  });
});

describe("switches", () => {
  async function reportsUnder(env: Readonly<Record<string, string>>) {
    const [proposal, { id: run }] = [await makeProposal(), await makeRun(app)];
    const service = await openTestApp(db.url, env);
    try {
      return {
        proposal: await service.get(`/rebalance/proposals/${proposal}/report`),
        run: await service.get(`/rebalance/runs/${run}/report`),
      };
    } finally {
      await service.close();
    }
  }

  test("that hide the artifact hide its report", async () => {
    const lifecycle = await reportsUnder({ PROPOSAL_WORKFLOW_LIFECYCLE_ENABLED: "false" });
    expect(refusalOf(lifecycle.proposal)).toBe("404 PROPOSAL_WORKFLOW_LIFECYCLE_DISABLED");
    expect(lifecycle.run.status).toBe(200);
    const artifacts = await reportsUnder({ DPM_ARTIFACTS_ENABLED: "false" });
    expect(refusalOf(artifacts.run)).toBe("404 DPM_ARTIFACTS_DISABLED");
    expect(artifacts.proposal.status).toBe(200);
  });

  test("that hide history and verification hide them in a report too, which says so", async () => {
    const { proposal, run } = await reportsUnder({
      PROPOSAL_SUPPORT_APIS_ENABLED: "false",
      DPM_SUPPORT_APIS_ENABLED: "false",
      DPM_WORKFLOW_ENABLED: "false",
    });
    for (const report of [proposal, run]) {
      const text = textOf(report);
      expect(text).toContain(en.decisions.hidden);
      expect(text).toContain(en.evidence.hidden);
      expect(text).toContain(en.badges.unchecked);
      expect(text).not.toContain(en.badges.valid);
    }
    expect(textOf(proposal)).not.toContain("State: Draft → ");
    expect(textOf(run)).not.toContain("Review:");
  });
});

test("another method is refused by name", async () => {
  const answer = await app.post("/rebalance/runs/rr_1/report", { body: {} });
  expect(refusalOf(answer)).toBe("405 METHOD_NOT_ALLOWED");
  expect(answer.headers["allow"]).toContain("GET");
});
