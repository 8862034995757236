import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Database } from "../../platform/database/database.ts";
import type { RequestContext } from "../../platform/http/context.ts";
import { filters, flagFilter, pathParams } from "../../platform/http/filters.ts";
import { problemReply, type Reply } from "../../platform/http/problem.ts";
import { behindSwitch, route, type Route } from "../../platform/http/route.ts";
import { DpmRunSupportBundleResponse, DpmRunVerificationResponse } from "../runs/schemas.ts";
import { addressed, addressProblems, missingReply, type RunAddress } from "../runs/run-address.ts";
import { readSupportBundle, type BundleOutcome } from "./read-support-bundle.ts";
import { verifyStoredRun } from "./verify-run.ts";

export type SupportRouteDeps = {
  readonly database: Database;
  readonly engineVersion: string;
  /** Now; operations that were finished earlier are past their keep. */
  readonly keptSince: () => string;
  readonly switches: {
    readonly areSupportApisEnabled: boolean;
    readonly areSupportBundleApisEnabled: boolean;
    readonly operations: { readonly isManualExecutionEnabled: boolean };
  };
};

const TAG = "Support";
const RUN_NOT_FOUND = { status: 404, detail: "DPM_RUN_NOT_FOUND" };
const OPERATION_NOT_FOUND = { status: 404, detail: "DPM_ASYNC_OPERATION_NOT_FOUND" };
const BUNDLE = { 200: { description: "The bundle.", schema: DpmRunSupportBundleResponse } };
const ADDRESSES = addressed("/rebalance/runs", ["id", "correlation_id", "idempotency_key"]);

/** A bundle holds what the run lookups show, so it is off where they are. */
export function supportRoutes(deps: SupportRouteDeps): Route[] {
  const { areSupportApisEnabled, areSupportBundleApisEnabled } = deps.switches;
  const bundles = [...ADDRESSES.map((address) => bundleRoute(deps, address)), operationRoute(deps)];
  return behindSwitch(areSupportApisEnabled, "DPM_SUPPORT_APIS_DISABLED", [
    ...behindSwitch(areSupportBundleApisEnabled, "DPM_SUPPORT_BUNDLE_APIS_DISABLED", bundles),
    verifyRoute(deps),
  ]);
}

const PARTS = filters({
  include_artifact: flagFilter(true),
  include_async_operation: flagFilter(true),
  include_idempotency_history: flagFilter(true),
});

function bundleRoute(deps: SupportRouteDeps, address: RunAddress): Route {
  return route({
    method: "GET",
    path: `${address.path}/support-bundle`,
    operationId: `getSupportBundle${address.suffix}`,
    tag: TAG,
    summary: `Everything that is stored about ${address.words}, as of one moment`,
    params: address.params,
    query: PARTS,
    answers: BUNDLE,
    problems: addressProblems(address),
    handle: async ({ context, params, query }) =>
      bundleReply(context, await bundle(deps, context, address.key(params), query)),
  });
}

function operationRoute(deps: SupportRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/runs/by-operation/{operation_id}/support-bundle",
    operationId: "getSupportBundleByOperation",
    tag: TAG,
    summary: "Everything that is stored about the latest run of an operation, as of one moment",
    params: pathParams("operation_id"),
    query: PARTS,
    answers: BUNDLE,
    problems: [OPERATION_NOT_FOUND, RUN_NOT_FOUND],
    handle: async ({ context, params, query }) => {
      const key = { by: "operation_id", value: params.operation_id } as const;
      return bundleReply(context, await bundle(deps, context, key, query));
    },
  });
}

type Query = {
  readonly include_artifact: boolean;
  readonly include_async_operation: boolean;
  readonly include_idempotency_history: boolean;
};

function bundle(
  { database, keptSince, switches }: SupportRouteDeps,
  { tenantId }: RequestContext,
  key: Parameters<typeof readSupportBundle>[2],
  query: Query,
): Promise<BundleOutcome> {
  const parts = {
    artifact: query.include_artifact,
    asyncOperation: query.include_async_operation,
    idempotencyHistory: query.include_idempotency_history,
  };
  const { isManualExecutionEnabled } = switches.operations;
  return readSupportBundle(database, tenantId, key, parts, {
    keptSince: keptSince(),
    isManualExecutionEnabled,
  });
}

function bundleReply(context: RequestContext, outcome: BundleOutcome): Reply {
  switch (outcome.kind) {
    case "found":
      return { status: 200, body: outcome.document };
    case "operation_not_found":
      return problemReply(context, OPERATION_NOT_FOUND);
    default:
      return missingReply(context, outcome.kind);
  }
}

function verifyRoute({ database, engineVersion }: SupportRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/runs/{rebalance_run_id}/verify",
    operationId: "verifyRun",
    tag: TAG,
    summary: "Recompute everything that is stored of a run, and name what does not hold",
    params: pathParams("rebalance_run_id"),
    answers: {
      200: { description: "What was checked, and what failed.", schema: DpmRunVerificationResponse },
    },
    problems: [RUN_NOT_FOUND],
    handle: async ({ context, params }) => {
      const verification = await verifyStoredRun(
        database,
        context.tenantId,
        params.rebalance_run_id,
        engineVersion,
      );
      return verification === undefined
        ? problemReply(context, RUN_NOT_FOUND)
        : { status: 200, body: canonicalJson(verification) };
    },
  });
}
