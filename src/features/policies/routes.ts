import { identifier } from "../../contract/scalars.ts";
import { wireObject } from "../../contract/wire.ts";
import { compareCodePoints } from "../../engine/order.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { RequestContext } from "../../platform/http/context.ts";
import { filters, timestampFilter } from "../../platform/http/filters.ts";
import { problemReply, type Reply } from "../../platform/http/problem.ts";
import { behindSwitch, route, type Route } from "../../platform/http/route.ts";
import {
  deletePolicyPack,
  putPolicyPack,
  readCatalogue,
  readStoredPack,
  type CatalogueDeps,
  type PackWrite,
} from "./catalogue.ts";
import {
  DpmEffectivePolicyPackResolution,
  DpmPolicyPackCatalogResponse,
  DpmPolicyPackDefinition,
  DpmPolicyPackMutationResponse,
  DpmPolicyPackUpsertRequest,
} from "./schemas.ts";
import { entityTag, isPack, type StoredPack } from "./core.ts";
import { POLICY_PACK_EXAMPLE } from "./examples.ts";
import { selectPolicyPack, type PolicySettings } from "./selection.ts";

export type PolicyRouteDeps = {
  readonly catalogue: CatalogueDeps;
  readonly settings: PolicySettings & { readonly areAdminApisEnabled: boolean };
};

const TAG = "Policy packs";
const NOT_FOUND = { status: 404, detail: "DPM_POLICY_PACK_NOT_FOUND" };
const STALE = { status: 412, detail: "PRECONDITION_FAILED" };
const PACK = wireObject({ policy_pack_id: identifier });

const SELECTION_HEADERS = [
  { name: "X-Policy-Pack-Id", description: "The pack that the request selects." },
  {
    name: "X-Tenant-Policy-Pack-Id",
    description: "The tenant's default pack, where the request selects none.",
  },
];
const IF_MATCH = {
  name: "If-Match",
  description: "ETag of the pack as it was read; a stale one is refused.",
};
const IF_NONE_MATCH = { name: "If-None-Match", description: "`*`: only where there is no such pack." };

export function policyRoutes(deps: PolicyRouteDeps): Route[] {
  const { areAdminApisEnabled } = deps.settings;
  return [
    effectiveRoute(deps),
    catalogueRoute(deps),
    ...behindSwitch(areAdminApisEnabled, "DPM_POLICY_PACK_ADMIN_APIS_DISABLED", [
      readRoute(deps),
      putRoute(deps),
      deleteRoute(deps),
    ]),
  ];
}

function selectionOf({ settings }: PolicyRouteDeps, context: RequestContext) {
  return selectPolicyPack(settings, {
    tenantId: context.tenantId,
    requested: context.policyPackId,
    tenantDefault: context.tenantPolicyPackId,
  });
}

function effectiveRoute(deps: PolicyRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/policies/effective",
    operationId: "getEffectivePolicyPack",
    tag: TAG,
    summary: "Which pack a request with these headers selects, and why",
    headers: SELECTION_HEADERS,
    answers: { 200: { description: "The selection.", schema: DpmEffectivePolicyPackResolution } },
    handle: ({ context }) =>
      Promise.resolve({ status: 200, body: canonicalJson(selectionOf(deps, context)) }),
  });
}

function catalogueRoute(deps: PolicyRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/policies/catalog",
    operationId: "listPolicyPacks",
    tag: TAG,
    summary: "Every pack in force, and which of them a request with these headers selects",
    headers: SELECTION_HEADERS,
    answers: { 200: { description: "The catalogue.", schema: DpmPolicyPackCatalogResponse } },
    handle: async ({ context }) => {
      const packs = await readCatalogue(deps.catalogue.database, context.tenantId);
      const { enabled, selected_policy_pack_id: selected, source } = selectionOf(deps, context);
      const head = canonicalJson({
        enabled,
        selected_policy_pack_id: selected,
        selected_policy_pack_present: packs.some((pack) => pack.policy_pack_id === selected),
        selected_policy_pack_source: source,
        total: packs.length,
      });
      const items = packs
        .toSorted((a, b) => compareCodePoints(a.policy_pack_id, b.policy_pack_id))
        .map((pack) => pack.definition_text);
      return { status: 200, body: `${head.slice(0, -1)},"items":[${items.join(",")}]}` };
    },
  });
}

function readRoute({ catalogue }: PolicyRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/policies/catalog/{policy_pack_id}",
    operationId: "getPolicyPack",
    tag: TAG,
    summary: "One pack, as it is in force or as it was",
    params: PACK,
    query: filters({ as_of: timestampFilter }),
    answers: {
      200: { description: "The pack; its ETag names this version.", schema: DpmPolicyPackDefinition },
    },
    problems: [NOT_FOUND],
    handle: async ({ context, params, query }) => {
      const { database } = catalogue;
      const pack = await readStoredPack(database, context.tenantId, params.policy_pack_id, query.as_of);
      return pack === undefined ? problemReply(context, NOT_FOUND) : packReply(pack, pack.definition_text);
    },
  });
}

function packReply(pack: StoredPack, body: string): Reply {
  return { status: 200, body, headers: { etag: entityTag(pack) } };
}

function putRoute({ catalogue }: PolicyRouteDeps): Route {
  return route({
    method: "PUT",
    path: "/rebalance/policies/catalog/{policy_pack_id}",
    operationId: "putPolicyPack",
    tag: TAG,
    summary: "Put a version of a pack into force",
    description:
      "Versions are kept: runs that an earlier one shaped are reproduced with it. The same definition again changes nothing.",
    headers: [IF_MATCH, IF_NONE_MATCH],
    params: PACK,
    body: DpmPolicyPackUpsertRequest,
    bodyExample: POLICY_PACK_EXAMPLE,
    answers: { 200: { description: "The pack in force.", schema: DpmPolicyPackMutationResponse } },
    problems: [STALE],
    handle: async ({ context, params, body }) => {
      const change = await putPolicyPack(catalogue, writeOf(context, params.policy_pack_id), body);
      const pack = change.kind === "append" ? change.revision : "pack" in change ? change.pack : undefined;
      return isPack(pack)
        ? packReply(pack, `{"item":${pack.definition_text}}`)
        : problemReply(context, STALE);
    },
  });
}

function deleteRoute({ catalogue }: PolicyRouteDeps): Route {
  return route({
    method: "DELETE",
    path: "/rebalance/policies/catalog/{policy_pack_id}",
    operationId: "deletePolicyPack",
    tag: TAG,
    summary: "Take a pack out of force",
    description: "What it was stays readable with `as_of`.",
    headers: [IF_MATCH],
    params: PACK,
    answers: { 204: { description: "It is out of force.", schema: null } },
    problems: [NOT_FOUND, STALE],
    handle: async ({ context, params }) => {
      const { kind } = await deletePolicyPack(catalogue, writeOf(context, params.policy_pack_id));
      if (kind === "append") return { status: 204, body: null };
      return problemReply(context, kind === "not_found" ? NOT_FOUND : STALE);
    },
  });
}

function writeOf(context: RequestContext, policyPackId: string): PackWrite {
  const { tenantId, correlationId, ifMatch, ifNoneMatch } = context;
  return { tenantId, policyPackId, correlationId, preconditions: { ifMatch, ifNoneMatch } };
}
