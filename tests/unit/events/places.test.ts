import { expect, test } from "vitest";
import { createPlaces } from "../../../src/features/events/places.ts";

test("there are as many places as were made, and one that is given back is free", () => {
  const places = createPlaces(2);
  const leave = places.enter("a");
  expect(places.enter("b")).toBeDefined();
  expect(places.enter("c")).toBeUndefined();
  leave?.();
  expect(places.taken()).toBe(1);
  expect(places.enter("c")).toBeDefined();
});

test("one tenant has at most half of them, the odd one included", () => {
  const places = createPlaces(5);
  const taken = [1, 2, 3, 4].map(() => places.enter("a"));
  expect(taken.map((leave) => leave !== undefined)).toEqual([true, true, true, false]);
  expect(places.enter("b")).toBeDefined();
  taken[0]?.();
  expect(places.enter("a")).toBeDefined();
});

test("a single place is anybody's", () => {
  expect(createPlaces(1).enter("a")).toBeDefined();
});
