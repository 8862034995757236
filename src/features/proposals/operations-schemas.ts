import * as z from "zod";
import { Timestamp } from "../../contract/scalars.ts";
import { pathParams } from "../../platform/http/filters.ts";
import { answer, linksBy } from "../../platform/http/route-docs.ts";
import {
  attemptFields,
  CANCEL,
  OperationStatus,
  optionalKey,
  ProposalOperationType,
  RETRY,
} from "../operations/schemas.ts";
import { CreateBody, VersionBody } from "./bodies.ts";
import { ProposalCreateResponse } from "./schemas.ts";

/** Creation that is accepted now and done later: its answers, and its routes. */

export const ProposalAsyncError = z
  .strictObject({ code: z.string(), message: z.string() })
  .meta({ id: "ProposalAsyncError", description: "Why an attempt at an operation failed." });

export const ProposalAsyncAcceptedResponse = z
  .strictObject({
    operation_id: z.string(),
    operation_type: ProposalOperationType,
    status: OperationStatus,
    correlation_id: z.string(),
    created_at: Timestamp,
    status_url: z.string(),
  })
  .meta({
    id: "ProposalAsyncAcceptedResponse",
    description: "An operation that was accepted, to be done exactly once.",
  });
export type ProposalAsyncAcceptedResponse = z.output<typeof ProposalAsyncAcceptedResponse>;

export const ProposalAsyncOperationStatusResponse = z
  .strictObject({
    operation_id: z.string(),
    operation_type: ProposalOperationType,
    status: OperationStatus,
    correlation_id: z.string(),
    idempotency_key: z.string().nullable(),
    proposal_id: z.string().nullable(),
    created_by: z.string(),
    authenticated_subject: z.string().nullable(),
    created_at: Timestamp,
    started_at: Timestamp.nullable(),
    finished_at: Timestamp.nullable(),
    result: ProposalCreateResponse.nullable(),
    error: ProposalAsyncError.nullable(),
    ...attemptFields(ProposalAsyncError),
  })
  .meta({
    id: "ProposalAsyncOperationStatusResponse",
    description: "How far an operation is, with what it made or its error.",
  });
export type ProposalAsyncOperationStatusResponse = z.output<typeof ProposalAsyncOperationStatusResponse>;

/** What can be asked about an operation that was accepted, and done with it. */
export const OPERATION_LINKS = {
  ...linksBy(
    "operation_id",
    "operation_id",
    "getProposalOperation",
    "retryProposalOperation",
    "cancelProposalOperation",
  ),
  ...linksBy("correlation_id", "correlation_id", "getProposalOperationByCorrelation"),
};

const tags = ["Proposal operations"];
const description =
  "The answer leaves once the operation is stored. It says PENDING, as does every repetition of it; `status_url` says how far it is. What the operation makes is kept under the same key as what the plain request makes.";
const accepted = { 202: answer("The operation that was accepted.", ProposalAsyncAcceptedResponse) };
const status = {
  200: answer("The operation, with its result or error.", ProposalAsyncOperationStatusResponse),
};

export const createProposalAsync = {
  operationId: "createProposalAsync",
  tags,
  summary: "Accept the creation of a proposal, to be done exactly once whatever crashes",
  description,
  body: CreateBody,
  response: accepted,
};

export const createProposalVersionAsync = {
  operationId: "createProposalVersionAsync",
  tags,
  summary: "Accept a new version of a proposal, to be done exactly once whatever crashes",
  description,
  params: pathParams("proposal_id"),
  body: VersionBody,
  response: accepted,
};

export const getProposalOperation = {
  operationId: "getProposalOperation",
  tags,
  summary: "How far an operation is",
  description: "A finished operation is there until its time to live has passed.",
  params: pathParams("operation_id"),
  response: status,
};

export const getProposalOperationByCorrelation = {
  operationId: "getProposalOperationByCorrelation",
  tags,
  summary: "How far the latest operation of a correlation id is",
  description: "The one that was accepted last, where several have the same correlation id.",
  params: pathParams("correlation_id"),
  response: status,
};

export const retryProposalOperation = {
  operationId: "retryProposalOperation",
  tags,
  ...RETRY,
  headers: optionalKey,
  params: pathParams("operation_id"),
  response: status,
};

export const cancelProposalOperation = {
  operationId: "cancelProposalOperation",
  tags,
  ...CANCEL,
  headers: optionalKey,
  params: pathParams("operation_id"),
  response: status,
};
