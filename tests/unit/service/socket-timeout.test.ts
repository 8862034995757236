import { expect, test } from "vitest";
import { buildApp } from "../../../src/app.ts";
import { openOperations } from "../../../src/background.ts";
import { runtimeWithoutDatabase } from "../../support/runtime.ts";

test.each([
  ["verification", { REQUEST_DEADLINE_MS: "1000", VERIFY_DEADLINE_MS: "500000" }],
  ["any other request", { REQUEST_DEADLINE_MS: "500000", VERIFY_DEADLINE_MS: "1000" }],
])("no socket is cut before the answer where %s may take longest", async (_what, env) => {
  const runtime = runtimeWithoutDatabase(env);
  const lifecycle = { isStopping: false };
  const app = await buildApp({ runtime, operations: openOperations(runtime), lifecycle });
  expect(app.server.timeout).toBeGreaterThan(500_000);
  await app.close();
});
