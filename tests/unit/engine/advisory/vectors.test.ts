import { describe, expect, test } from "vitest";
import { differences } from "../../../support/compare.ts";
import { readVectors } from "../../../support/vectors.ts";
import { packageOf, parseProposal, simulate } from "./proposals.ts";

describe("the advisory engine reproduces", () => {
  test.each(readVectors("dev-proposal"))("$id $title", ({ request, expected }) => {
    const parsed = parseProposal(request);
    const result = simulate(parsed);
    expect(differences(expected, { result, artifact: packageOf(parsed, result) })).toEqual([]);
  });
});
