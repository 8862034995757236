import { describe, expect, test } from "vitest";
import { readContext } from "../../../../src/platform/http/context.ts";

const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

describe("a request without headers", () => {
  test("belongs to the default tenant and gets ids of its own", () => {
    const { context, faults } = readContext({}, "/rebalance/runs?limit=1");
    expect(faults).toEqual([]);
    expect(context).toMatchObject({
      tenantId: "default",
      givenCorrelationId: null,
      idempotencyKey: null,
      policyPackId: null,
      tenantPolicyPackId: null,
      ifMatch: null,
      instance: "/rebalance/runs",
    });
    expect(context.correlationId).toMatch(/^corr_[0-9a-f]{12}$/);
    expect(context.requestId).toMatch(/^req_[0-9a-f]{12}$/);
    expect(context.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  test("gets other ids than the one before", () => {
    const made = Array.from({ length: 100 }, () => readContext({}, "/").context);
    expect(new Set(made.map(({ correlationId }) => correlationId)).size).toBe(100);
    expect(new Set(made.map(({ traceparent }) => traceparent)).size).toBe(100);
  });
});

describe("headers", () => {
  test("are taken as they are", () => {
    const headers = {
      "x-tenant-id": "bank-1",
      "x-correlation-id": "corr/42",
      "x-request-id": "r1",
      traceparent: TRACEPARENT,
      "idempotency-key": "k".repeat(255),
      "x-policy-pack-id": "p1",
      "x-tenant-policy-pack-id": "p2",
      "if-match": '"3"',
    };
    const { context, faults } = readContext(headers, "/");
    expect(faults).toEqual([]);
    expect(context).toMatchObject({
      tenantId: "bank-1",
      correlationId: "corr/42",
      givenCorrelationId: "corr/42",
      requestId: "r1",
      traceparent: TRACEPARENT,
      idempotencyKey: "k".repeat(255),
      policyPackId: "p1",
      tenantPolicyPackId: "p2",
      ifMatch: '"3"',
    });
  });

  test.each(["", "a b", "a\tb", "é", "x".repeat(129), "a, b"])(
    "%j is no correlation id, tenant or pack",
    (value) => {
      const names = ["X-Correlation-Id", "X-Tenant-Id", "X-Policy-Pack-Id", "X-Tenant-Policy-Pack-Id"];
      for (const name of names) {
        const { context, faults } = readContext({ [name.toLowerCase()]: value }, "/");
        expect(faults).toMatchObject([{ part: "header", path: [name], code: "HEADER_INVALID" }]);
        expect(context.correlationId).toMatch(/^corr_/);
        expect(context.tenantId).toBe("default");
      }
    },
  );

  test.each([
    ["Idempotency-Key", "IDEMPOTENCY_KEY_INVALID"],
    ["X-Tenant-Id", "HEADER_INVALID"],
    ["X-Correlation-Id", "HEADER_INVALID"],
    ["X-Policy-Pack-Id", "HEADER_INVALID"],
    ["X-Tenant-Policy-Pack-Id", "HEADER_INVALID"],
    ["If-Match", "HEADER_INVALID"],
    ["If-None-Match", "HEADER_INVALID"],
    ["Content-Type", "HEADER_INVALID"],
  ])("%s sent twice is refused as that, and read from neither line", (name, code) => {
    const lines = [name, "a", "Host", "x", name.toUpperCase(), "a"];
    const { context, faults } = readContext({ [name.toLowerCase()]: "a, a" }, "/", lines);
    expect(faults).toEqual([{ part: "header", path: [name], msg: "must be sent once", code }]);
    expect(context).toMatchObject({
      tenantId: "default",
      idempotencyKey: null,
      policyPackId: null,
      ifMatch: null,
    });
    expect(context.correlationId).toMatch(/^corr_/);
    expect(readContext({ [name.toLowerCase()]: "a" }, "/", lines.slice(0, 4)).faults).toEqual([]);
  });

  test.each(["", "a b", "é", "x".repeat(256)])("%j is no idempotency key", (value) => {
    const { context, faults } = readContext({ "idempotency-key": value }, "/");
    expect(faults).toMatchObject([{ path: ["Idempotency-Key"], code: "IDEMPOTENCY_KEY_INVALID" }]);
    expect(context.idempotencyKey).toBeNull();
  });

  test.each([
    "x",
    TRACEPARENT.toUpperCase(),
    TRACEPARENT.replace("00-", "ff-"),
    `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
    `00-4bf92f3577b34da6a3ce929d0e0e4736-${"0".repeat(16)}-01`,
    `${TRACEPARENT}-more`,
  ])("the trace context %j is replaced by the start of a new one", (traceparent) => {
    const { context, faults } = readContext({ traceparent, "x-request-id": "not visible" }, "/");
    expect(faults).toEqual([]);
    expect(context.traceparent).not.toBe(traceparent);
    expect(context.requestId).toMatch(/^req_/);
  });
});
