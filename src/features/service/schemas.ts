import * as z from "zod";
import { anyObject, identifier, Timestamp } from "../../contract/scalars.ts";
import { filters } from "../../platform/http/filters.ts";
import { answer } from "../../platform/http/route-docs.ts";

export const Health = z
  .strictObject({ status: z.literal("ok"), version: z.string() })
  .meta({ id: "Health", description: "That the process is up, and its version." });
export type Health = z.output<typeof Health>;

export const Liveness = z
  .strictObject({ status: z.literal("live"), version: z.string() })
  .meta({ id: "Liveness", description: "That the process is up, and its version." });
export type Liveness = z.output<typeof Liveness>;

/** `checks` says of each thing that readiness needs whether it is there; `reason` why not. */
export const Readiness = z
  .strictObject({
    status: z
      .enum(["ready", "not_ready"])
      .meta({ id: "ReadinessStatus", description: "Whether requests can be served." }),
    checks: z.array(
      z
        .strictObject({ name: z.string(), ok: z.boolean(), reason: z.string().nullable() })
        .meta({ id: "ReadinessCheck", description: "Something that is needed, and whether it is there." }),
    ),
  })
  .meta({ id: "Readiness", description: "Whether requests can be served." });
export type Readiness = z.output<typeof Readiness>;

const ConsumerSystem = z
  .enum(["BFF", "PA", "DPM", "UI", "UNKNOWN"])
  .meta({ id: "ConsumerSystem", description: "Who asks for the capabilities." });

/** What this deployment offers. The names follow the consumers of this answer, hence camel case. */
export const Capabilities = z
  .strictObject({
    contractVersion: z.literal("v1"),
    sourceService: z.string(),
    consumerSystem: ConsumerSystem,
    tenantId: z.string(),
    generatedAt: Timestamp,
    asOfDate: z.string().meta({ format: "date", examples: ["2026-01-15"] }),
    /** The version of the rules that results are made by, as their lineage states it. */
    policyVersion: z.string(),
    supportedInputModes: z.array(z.literal("inline_bundle")),
    features: z.array(
      z
        .strictObject({
          key: z.string(),
          enabled: z.boolean(),
          owner_service: z.string(),
          description: z.string(),
        })
        .meta({ id: "CapabilityFeature", description: "A feature, and whether it is switched on." }),
    ),
    workflows: z.array(
      z
        .strictObject({
          workflow_key: z.string(),
          enabled: z.boolean(),
          required_features: z.array(z.string()),
        })
        .meta({
          id: "CapabilityWorkflow",
          description: "A workflow, and whether all its features are switched on.",
        }),
    ),
  })
  .meta({
    id: "Capabilities",
    description: "What this deployment offers. Its names follow its consumers, hence camel case.",
  });
export type Capabilities = z.output<typeof Capabilities>;

const tags = ["Service"];
/** Probes may add what they like to their URL. */
const querystring = anyObject;

const liveness = {
  tags,
  querystring,
  summary: "Whether the process is up",
  description: "Says nothing of the database.",
};

export const getHealth = {
  ...liveness,
  operationId: "getHealth",
  response: { 200: answer("It is.", Health) },
};
export const getLiveness = {
  ...liveness,
  operationId: "getLiveness",
  response: { 200: answer("It is.", Liveness) },
};

export const getReadiness = {
  operationId: "getReadiness",
  tags,
  querystring,
  summary: "Whether requests can be served",
  description:
    "The database is reachable and writable, and its schema is of this version or of one that it can work with. 503 NOT_READY: not now.",
  response: { 200: answer("They can.", Readiness) },
};

export const getMetrics = {
  operationId: "getMetrics",
  tags,
  querystring,
  summary: "Metrics for Prometheus",
  description: "Counters and histograms of this process.",
  response: { 200: answer("Text exposition format.", z.string(), { mediaType: "text/plain" }) },
};

export const getCapabilities = {
  operationId: "getCapabilities",
  tags,
  summary: "What this deployment offers, as its switches are set",
  description: "It tells the truth about the switches of this deployment.",
  querystring: filters({
    consumerSystem: ConsumerSystem.default("UNKNOWN"),
    tenantId: identifier.optional(),
  }),
  response: { 200: answer("Features and workflows.", Capabilities) },
};
