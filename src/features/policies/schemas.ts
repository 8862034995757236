import * as z from "zod";
import { emptyMap } from "../../contract/maps.ts";
import { GroupConstraints, RulesVersion, type GroupConstraint } from "../../contract/options.ts";
import { DecimalText, decimalFromZero, identifier, integerWithin, weight } from "../../contract/scalars.ts";
import { wireObject } from "../../contract/wire.ts";
import { filters, asOfFilter } from "../../platform/http/filters.ts";
import { answer, anyText, headerDocs, linksBy } from "../../platform/http/route-docs.ts";

/** Null means "leave the option of the request as it is". */
const flag = z.boolean().nullable().default(null);

export const DpmPolicyPackTurnoverPolicy = wireObject({
  max_turnover_pct: weight.nullable().default(null),
}).meta({
  id: "DpmPolicyPackTurnoverPolicyInput",
  description: "The turnover limit; null leaves the option of the request as it is.",
});

export const DpmPolicyPackTaxPolicy = wireObject({
  enable_tax_awareness: flag,
  max_realized_capital_gains: decimalFromZero.nullable().default(null),
}).meta({
  id: "DpmPolicyPackTaxPolicyInput",
  description: "Options of taxes; null leaves the option of the request as it is.",
});

export const DpmPolicyPackSettlementPolicy = wireObject({
  enable_settlement_awareness: flag,
  settlement_horizon_days: integerWithin(0, 10).nullable().default(null),
}).meta({
  id: "DpmPolicyPackSettlementPolicyInput",
  description: "Options of settlement; null leaves the option of the request as it is.",
});

export const DpmPolicyPackConstraintPolicy = wireObject({
  single_position_max_weight: weight.nullable().default(null),
  group_constraints: GroupConstraints.default(() => emptyMap<GroupConstraint>()),
}).meta({
  id: "DpmPolicyPackConstraintPolicyInput",
  description: "Limits of concentration; null leaves the option of the request as it is.",
});

export const DpmPolicyPackWorkflowPolicy = wireObject({
  enable_workflow_gates: flag,
  workflow_requires_client_consent: flag,
  client_consent_already_obtained: flag,
}).meta({
  id: "DpmPolicyPackWorkflowPolicyInput",
  description: "Options of gates and consent; null leaves the option of the request as it is.",
});

export const DpmPolicyPackIdempotencyPolicy = wireObject({ replay_enabled: flag }).meta({
  id: "DpmPolicyPackIdempotencyPolicyInput",
  description: "Whether repeated keys are replayed; null leaves it to the deployment.",
});

export const DpmPolicyPackRulesPolicy = wireObject({
  rules_version: RulesVersion.nullable().default(null),
}).meta({
  id: "DpmPolicyPackRulesPolicyInput",
  description: "Which rules are followed; null leaves the option of the request as it is.",
});

export const DpmPolicyPackUpsertRequest = wireObject({
  version: identifier,
  turnover_policy: DpmPolicyPackTurnoverPolicy.prefault({}),
  tax_policy: DpmPolicyPackTaxPolicy.prefault({}),
  settlement_policy: DpmPolicyPackSettlementPolicy.prefault({}),
  constraint_policy: DpmPolicyPackConstraintPolicy.prefault({}),
  workflow_policy: DpmPolicyPackWorkflowPolicy.prefault({}),
  idempotency_policy: DpmPolicyPackIdempotencyPolicy.prefault({}),
  // Absent is absent: what was stored before there was a choice of rules has the hash that it had.
  rules_policy: DpmPolicyPackRulesPolicy.optional(),
}).meta({ id: "DpmPolicyPackUpsertRequest", description: "A version of a policy pack." });
export type DpmPolicyPackUpsertRequest = z.output<typeof DpmPolicyPackUpsertRequest>;

const flagText = z.boolean().nullable();

/** A pack as it goes out. */
export const DpmPolicyPackDefinition = z
  .strictObject({
    policy_pack_id: z.string(),
    version: z.string(),
    turnover_policy: z.strictObject({ max_turnover_pct: DecimalText.nullable() }).meta({
      id: "DpmPolicyPackTurnoverPolicy",
      description: "The turnover limit; null leaves the option of the request as it is.",
    }),
    tax_policy: z
      .strictObject({ enable_tax_awareness: flagText, max_realized_capital_gains: DecimalText.nullable() })
      .meta({
        id: "DpmPolicyPackTaxPolicy",
        description: "Options of taxes; null leaves the option of the request as it is.",
      }),
    settlement_policy: z
      .strictObject({ enable_settlement_awareness: flagText, settlement_horizon_days: z.int().nullable() })
      .meta({
        id: "DpmPolicyPackSettlementPolicy",
        description: "Options of settlement; null leaves the option of the request as it is.",
      }),
    constraint_policy: z
      .strictObject({
        single_position_max_weight: DecimalText.nullable(),
        group_constraints: z.record(
          z.string(),
          z
            .strictObject({ max_weight: DecimalText })
            .meta({ id: "DpmPolicyPackGroupConstraint", description: "The highest share of a group." }),
        ),
      })
      .meta({
        id: "DpmPolicyPackConstraintPolicy",
        description: "Limits of concentration; null leaves the option of the request as it is.",
      }),
    workflow_policy: z
      .strictObject({
        enable_workflow_gates: flagText,
        workflow_requires_client_consent: flagText,
        client_consent_already_obtained: flagText,
      })
      .meta({
        id: "DpmPolicyPackWorkflowPolicy",
        description: "Options of gates and consent; null leaves the option of the request as it is.",
      }),
    idempotency_policy: z.strictObject({ replay_enabled: flagText }).meta({
      id: "DpmPolicyPackIdempotencyPolicy",
      description: "Whether repeated keys are replayed; null leaves it to the deployment.",
    }),
    rules_policy: z
      .strictObject({ rules_version: RulesVersion.nullable() })
      .meta({
        id: "DpmPolicyPackRulesPolicy",
        description: "Which rules are followed; null leaves the option of the request as it is.",
      })
      .optional(),
  })
  .meta({
    id: "DpmPolicyPackDefinition",
    description: "A policy pack: options that override those of the requests that it shapes.",
  });
export type DpmPolicyPackDefinition = z.output<typeof DpmPolicyPackDefinition>;

const PolicySource = z.enum(["DISABLED", "REQUEST", "TENANT_DEFAULT", "GLOBAL_DEFAULT", "NONE"]).meta({
  id: "PolicySource",
  description:
    "What selects the pack: the request's header, the tenant's default, the deployment's default, nothing; DISABLED: packs are switched off.",
});

export const DpmPolicyPackCatalogResponse = z
  .strictObject({
    enabled: z.boolean(),
    total: z.int(),
    selected_policy_pack_id: z.string().nullable(),
    selected_policy_pack_present: z.boolean(),
    selected_policy_pack_source: PolicySource,
    items: z.array(DpmPolicyPackDefinition),
  })
  .meta({
    id: "DpmPolicyPackCatalogResponse",
    description: "Every pack in force, and which of them such a request selects.",
  });
export type DpmPolicyPackCatalogResponse = z.output<typeof DpmPolicyPackCatalogResponse>;

export const DpmPolicyPackMutationResponse = z
  .strictObject({ item: DpmPolicyPackDefinition })
  .meta({ id: "DpmPolicyPackMutationResponse", description: "The pack that is in force after the request." });
export type DpmPolicyPackMutationResponse = z.output<typeof DpmPolicyPackMutationResponse>;

export const DpmEffectivePolicyPackResolution = z
  .strictObject({
    enabled: z.boolean(),
    selected_policy_pack_id: z.string().nullable(),
    source: PolicySource,
    warnings: z.array(z.string()).min(1).optional().meta({
      description:
        "POLICY_PACK_NOT_FOUND: there is no such pack, so runs go on without. Absent: nothing to say.",
    }),
  })
  .meta({
    id: "DpmEffectivePolicyPackResolution",
    description: "Which policy pack such a request selects, and why.",
  });
export type DpmEffectivePolicyPackResolution = z.output<typeof DpmEffectivePolicyPackResolution>;

const tags = ["Policy packs"];
const params = wireObject({ policy_pack_id: identifier });
const IF_MATCH = { "If-Match": anyText("ETag of the pack as it was read; a stale one is refused.") };
const ETAG = { ETag: anyText("Names this version of the pack, for If-Match.") };

const selectionHeaders = headerDocs({
  "X-Policy-Pack-Id": "The pack that the request selects.",
  "X-Tenant-Policy-Pack-Id": "The tenant's default pack, where the request selects none.",
});

export const getEffectivePolicyPack = {
  operationId: "getEffectivePolicyPack",
  tags,
  summary: "Which pack a request with these headers selects, and why",
  description:
    "The request's header comes first, then the tenant's default, then the deployment's. Whether there is such a pack is not asked.",
  headers: selectionHeaders,
  response: { 200: answer("The selection.", DpmEffectivePolicyPackResolution) },
};

export const listPolicyPacks = {
  operationId: "listPolicyPacks",
  tags,
  summary: "Every pack in force, and which of them a request with these headers selects",
  description: "Sorted by id.",
  headers: selectionHeaders,
  response: { 200: answer("The catalogue.", DpmPolicyPackCatalogResponse) },
};

export const getPolicyPack = {
  operationId: "getPolicyPack",
  tags,
  summary: "One pack, as it is in force or as it was",
  description: "A pack that has been taken out of force is still there as of a moment at which it was.",
  params,
  querystring: filters({ as_of: asOfFilter }),
  response: { 200: answer("The pack.", DpmPolicyPackDefinition, { headers: ETAG }) },
};

export const putPolicyPack = {
  operationId: "putPolicyPack",
  tags,
  summary: "Put a version of a pack into force",
  description:
    "Versions are kept: runs that an earlier one shaped are reproduced with it. The same definition again changes nothing.",
  headers: { ...IF_MATCH, "If-None-Match": anyText("`*`: only where there is no such pack.") },
  params,
  body: DpmPolicyPackUpsertRequest,
  response: { 200: answer("The pack in force.", DpmPolicyPackMutationResponse, { headers: ETAG }) },
};

export const PACK_LINKS = linksBy(
  "policy_pack_id",
  "item/policy_pack_id",
  "getPolicyPack",
  "deletePolicyPack",
);

export const deletePolicyPack = {
  operationId: "deletePolicyPack",
  tags,
  summary: "Take a pack out of force",
  description: "What it was stays readable with `as_of`.",
  headers: IF_MATCH,
  params,
  response: { 204: answer("It is out of force.") },
};
