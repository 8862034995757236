import type * as z from "zod";
import { actorName } from "../../contract/person.ts";
import { ProposalSimulateRequest } from "../../contract/proposal.ts";
import { identifier, text } from "../../contract/scalars.ts";
import { wireObject } from "../../contract/wire.ts";

const optionalText = text.nullable().default(null);

export const ProposalCreateMetadata = wireObject({
  title: optionalText,
  advisor_notes: optionalText,
  jurisdiction: optionalText,
  mandate_id: identifier.nullable().default(null),
}).meta({ id: "ProposalCreateMetadata", description: "What a proposal is called and belongs to." });
export type ProposalCreateMetadata = z.output<typeof ProposalCreateMetadata>;

export const ProposalCreateRequest = wireObject({
  created_by: actorName,
  simulate_request: ProposalSimulateRequest,
  metadata: ProposalCreateMetadata.prefault({}),
}).meta({ id: "ProposalCreateRequest", description: "A proposal with its first version." });
export type ProposalCreateRequest = z.output<typeof ProposalCreateRequest>;

export const ProposalVersionRequest = wireObject({
  created_by: actorName,
  simulate_request: ProposalSimulateRequest,
}).meta({ id: "ProposalVersionRequest", description: "A further version of a proposal." });
export type ProposalVersionRequest = z.output<typeof ProposalVersionRequest>;
