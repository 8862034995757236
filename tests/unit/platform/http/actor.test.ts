import { expect, test } from "vitest";
import { SCOPES, type Scope } from "../../../../src/platform/http/auth/scopes.ts";
import { mayActAs } from "../../../../src/platform/http/actor.ts";

const DELEGATE: Scope = "actor:delegate";

function caller(...scopes: readonly Scope[]) {
  return { subject: "advisor_1", scopes: new Set(scopes) };
}

test("without a token, whoever is named may act", () => {
  expect(mayActAs(null, "advisor_1")).toBe(true);
});

test("a token's subject acts under its own name, letter by letter", () => {
  expect(mayActAs(caller(), "advisor_1")).toBe(true);
  for (const name of ["ADVISOR_1", "advisor_2", "", undefined, null]) {
    expect(mayActAs(caller(), name)).toBe(false);
  }
});

test.each(SCOPES)("of the scopes, %s lets it name another only if it is that to delegate", (scope) => {
  expect(mayActAs(caller(scope), "advisor_2")).toBe(scope === DELEGATE);
});
