import * as z from "zod";
import { ErrorCode } from "./error-codes.ts";

/** One fault of a request: where it is, what is wrong, and a code for programs. */
export const ProblemEntry = z
  .strictObject({ loc: z.array(z.union([z.string(), z.int()])), msg: z.string(), code: z.string() })
  .meta({ id: "ProblemEntry", description: "One fault of a request." });
export type ProblemEntry = z.output<typeof ProblemEntry>;

/** RFC 9457. `detail` is the stable code that callers rely on. */
export const Problem = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: ErrorCode,
    instance: z.string(),
    correlation_id: z.string(),
    errors: z.array(ProblemEntry).optional(),
    /** Of 403 FORBIDDEN: the scopes of which the token lacks one. */
    required_scopes: z.array(z.string()).optional(),
  })
  .meta({ id: "Problem", description: "Why a request was not answered as it asked (RFC 9457)." });
export type Problem = z.output<typeof Problem>;
