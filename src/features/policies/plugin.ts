import type { FastifyReply } from "fastify";
import { compareCodePoints } from "../../engine/order.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { joinArray, joinObject } from "../../platform/json/join-json.ts";
import type { RequestContext } from "../../platform/http/context.ts";
import { switchGroup } from "../../platform/http/switches.ts";
import type { FeaturePlugin } from "../../platform/http/validation.ts";
import type { Runtime } from "../../runtime.ts";
import { deletePolicyPack, putPolicyPack, type PackRequest } from "./change-policy-pack.ts";
import {
  entityTag,
  packSelection,
  POLICY_PACK_NOT_FOUND,
  POLICY_PACK_UNKNOWN,
  selectPolicyPack,
  type StoredPack,
} from "./core.ts";
import { POLICY_PACK_EXAMPLE } from "./examples.ts";
import { readPackInForce } from "./find-policy-pack.ts";
import { readCatalogue, readStoredPack } from "./read-policy-packs.ts";
import * as schemas from "./schemas.ts";

type Options = Pick<Runtime, "config">;

const PACK = "/rebalance/policies/catalog/:policy_pack_id";
const NOT_FOUND = { status: 404, detail: "DPM_POLICY_PACK_NOT_FOUND" } as const;
const STALE = { status: 412, detail: "PRECONDITION_FAILED" } as const;

/** Policy packs: which one is in force, and their administration. */
export const policies: FeaturePlugin<Options> = async (app, options) => {
  const { policyPacks: settings } = options.config.rebalance;

  app.get(
    "/rebalance/policies/effective",
    {
      schema: schemas.getEffectivePolicyPack,
      config: { scope: "policies:read", problems: [POLICY_PACK_UNKNOWN] },
    },
    async ({ runtime, context }, reply) => {
      const { id, isRequired } = packSelection(settings, context);
      const { isPackMissing } = await readPackInForce(runtime.database, context.tenantId, id);
      if (isPackMissing && isRequired) return reply.problem(POLICY_PACK_UNKNOWN);
      const warnings = isPackMissing ? { warnings: [POLICY_PACK_NOT_FOUND] } : {};
      return reply.answer(canonicalJson({ ...selectPolicyPack(settings, context), ...warnings }));
    },
  );

  app.get(
    "/rebalance/policies/catalog",
    { schema: schemas.listPolicyPacks, config: { scope: "policies:read" } },
    async ({ runtime, context }, reply) => {
      const packs = await readCatalogue(runtime.database, context.tenantId);
      const { enabled, selected_policy_pack_id: selected, source } = selectPolicyPack(settings, context);
      const items = packs
        .toSorted((a, b) => compareCodePoints(a.policy_pack_id, b.policy_pack_id))
        .map((pack) => pack.definition_text);
      const answer = {
        enabled: canonicalJson(enabled),
        items: joinArray(items),
        selected_policy_pack_id: canonicalJson(selected),
        selected_policy_pack_present: canonicalJson(packs.some((pack) => pack.policy_pack_id === selected)),
        selected_policy_pack_source: canonicalJson(source),
        total: canonicalJson(packs.length),
      };
      return reply.answer(joinObject(answer));
    },
  );

  await app.register(administration, options);
};

const administration: FeaturePlugin<Options> = (app, options) => {
  const { areAdminApisEnabled } = options.config.rebalance.policyPacks;
  switchGroup(app, areAdminApisEnabled, "DPM_POLICY_PACK_ADMIN_APIS_DISABLED");

  app.get(
    PACK,
    { schema: schemas.getPolicyPack, config: { scope: "policies:read", problems: [NOT_FOUND] } },
    async ({ runtime, context, params, query }, reply) => {
      const { database } = runtime;
      const pack = await readStoredPack(database, context.tenantId, params.policy_pack_id, query.as_of);
      return pack === undefined ? reply.problem(NOT_FOUND) : sendPack(reply, pack, pack.definition_text);
    },
  );

  app.put(
    PACK,
    {
      schema: schemas.putPolicyPack,
      links: { 200: schemas.PACK_LINKS },
      config: { scope: "policies:admin", problems: [STALE], bodyExample: POLICY_PACK_EXAMPLE },
    },
    async ({ runtime, context, params, body }, reply) => {
      const pack = await putPolicyPack(runtime, packRequest(context, params.policy_pack_id), body);
      if (pack === "precondition_failed") return reply.problem(STALE);
      return sendPack(reply, pack, joinObject({ item: pack.definition_text }));
    },
  );

  app.delete(
    PACK,
    { schema: schemas.deletePolicyPack, config: { scope: "policies:admin", problems: [NOT_FOUND, STALE] } },
    async ({ runtime, context, params }, reply) => {
      const outcome = await deletePolicyPack(runtime, packRequest(context, params.policy_pack_id));
      if (outcome === "deleted") return reply.code(204).send();
      return reply.problem(outcome === "not_found" ? NOT_FOUND : STALE);
    },
  );

  return Promise.resolve();
};

function sendPack(reply: FastifyReply, pack: StoredPack, body: string): FastifyReply {
  return reply.header("etag", entityTag(pack)).answer(body);
}

function packRequest(context: RequestContext, policyPackId: string): PackRequest {
  const { tenantId, caller, correlationId, ifMatch, ifNoneMatch } = context;
  return { tenantId, caller, policyPackId, correlationId, preconditions: { ifMatch, ifNoneMatch } };
}
