import { isRefusedInput, type RefusedInput } from "../refused-input.ts";
import { invalidRequest } from "./problem.ts";
import { ProblemError } from "./problems.ts";

/** What was made of an input; a refused one ends the request with the 422 that its body would have had. */
export function orRefuse<Made>(made: Made | RefusedInput): Made {
  if (!isRefusedInput(made)) return made;
  throw new ProblemError(invalidRequest(made.faults.map((fault) => ({ ...fault, part: "body" }))));
}
