import * as z from "zod";
import { readVersion } from "../../config/version.ts";
import { anyObject, identifier, Timestamp } from "../../contract/scalars.ts";
import { filters } from "../../platform/http/filters.ts";
import { answer } from "../../platform/http/route-docs.ts";

export const Liveness = z
  .strictObject({ status: z.literal("ok"), version: z.string() })
  .meta({ id: "Liveness" });
export type Liveness = z.output<typeof Liveness>;

/** `checks` says of each thing that readiness needs whether it is there; `reason` why not. */
export const Readiness = z
  .strictObject({
    status: z.enum(["ready", "not_ready"]),
    checks: z.array(z.strictObject({ name: z.string(), ok: z.boolean(), reason: z.string().nullable() })),
  })
  .meta({ id: "Readiness" });
export type Readiness = z.output<typeof Readiness>;

const ConsumerSystem = z.enum(["BFF", "PA", "DPM", "UI", "UNKNOWN"]);

/** What this deployment offers. The names follow the consumers of this answer, hence camel case. */
export const Capabilities = z
  .strictObject({
    contractVersion: z.literal("v1"),
    sourceService: z.string(),
    consumerSystem: ConsumerSystem,
    tenantId: z.string(),
    generatedAt: Timestamp,
    asOfDate: z.string().meta({ format: "date" }),
    /** The version of the rules that results are made by, as their lineage states it. */
    policyVersion: z.string(),
    supportedInputModes: z.array(z.literal("inline_bundle")),
    features: z.array(
      z.strictObject({
        key: z.string(),
        enabled: z.boolean(),
        owner_service: z.string(),
        description: z.string(),
      }),
    ),
    workflows: z.array(
      z.strictObject({
        workflow_key: z.string(),
        enabled: z.boolean(),
        required_features: z.array(z.string()),
      }),
    ),
  })
  .meta({ id: "Capabilities" });
export type Capabilities = z.output<typeof Capabilities>;

const tags = ["Service"];
/** Probes may add what they like to their URL. */
const querystring = anyObject;

const liveness = {
  tags,
  querystring,
  summary: "Whether the process is up",
  response: { 200: answer("It is.", Liveness, { example: { status: "ok", version: readVersion() } }) },
};

export const getHealth = { ...liveness, operationId: "getHealth" };
export const getLiveness = { ...liveness, operationId: "getLiveness" };

const READY: Readiness = { status: "ready", checks: [{ name: "database", ok: true, reason: null }] };

export const getReadiness = {
  operationId: "getReadiness",
  tags,
  querystring,
  summary: "Whether requests can be served",
  response: { 200: answer("They can.", Readiness, { example: READY }) },
};

export const getMetrics = {
  operationId: "getMetrics",
  tags,
  querystring,
  summary: "Metrics for Prometheus",
  response: { 200: answer("Text exposition format.", z.string(), { mediaType: "text/plain" }) },
};

export const getCapabilities = {
  operationId: "getCapabilities",
  tags,
  summary: "What this deployment offers, as its switches are set",
  querystring: filters({
    consumerSystem: ConsumerSystem.default("UNKNOWN"),
    tenantId: identifier.optional(),
  }),
  response: { 200: answer("Features and workflows.", Capabilities) },
};
