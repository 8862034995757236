import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { buildApp } from "../../../src/app.ts";
import { openOperations } from "../../../src/background.ts";
import { ErrorCode } from "../../../src/contract/error-codes.ts";
import { GLOSSARY } from "../../../src/contract/glossary/glossary.ts";
import { Problem } from "../../../src/contract/problem.ts";
import { stateAfter } from "../../../src/features/proposals/core.ts";
import {
  ProposalEventType,
  ProposalState,
  ProposalTransitionEvent,
} from "../../../src/features/proposals/schemas.ts";
import {
  componentsOf,
  operationsOf,
  published,
  schemasWithin,
  type Placed,
} from "../../support/openapi-document.ts";
import { runtimeWithoutDatabase } from "../../support/runtime.ts";

/** What holds of the whole document, whatever operations it has: what generators and readers need. */

const { components } = published;
const operations = operationsOf(published);

function mediaOf(content: Record<string, { schema: unknown }> | undefined): unknown[] {
  return Object.values(content ?? {}).map(({ schema }) => schema);
}

const sent = operations.flatMap(({ operation }) => [
  ...mediaOf(operation.requestBody?.content),
  ...operation.parameters.map(({ schema }) => schema),
]);
const answered = operations.flatMap(({ operation }) =>
  Object.values(operation.responses).flatMap(({ content }) => mediaOf(content)),
);

function placesIn(roots: readonly unknown[]): Placed[] {
  const found = new Set<string>();
  for (const root of roots) componentsOf(root, published, found);
  return [
    ...roots.flatMap((root) => [...schemasWithin(root, "inline")]),
    ...[...found].flatMap((name) => [...schemasWithin(components.schemas[name], name)]),
  ];
}

const placesSent = placesIn(sent);
const placesAnswered = placesIn(answered);
const places = [...placesSent, ...placesAnswered];

const placesWhere = (among: readonly Placed[], holds: (placed: Placed) => boolean) => [
  ...new Set(among.filter(holds).map(({ place }) => place)),
];

describe("every schema", () => {
  test("tells a default in words, as the keyword breaks generators", () => {
    expect(places.length).toBeGreaterThan(1_000);
    expect(placesWhere(places, ({ schema }) => "default" in schema)).toEqual([]);
    expect(components.schemas["EngineOptions"]).toHaveProperty(
      "properties.fx_buffer_pct.description",
      expect.stringContaining('Default: `"0.01"`.'),
    );
  });

  test("that is a component says what it is", () => {
    const silent = Object.entries(components.schemas).filter(([, { description }]) => !description);
    expect(silent.map(([name]) => name)).toEqual([]);
  });

  test("has fields that say what they mean", () => {
    const silent = places.flatMap(({ place, schema: { properties } }) =>
      Object.entries(z.record(z.string(), z.looseObject({})).safeParse(properties).data ?? {})
        .filter(([, { description }]) => typeof description !== "string" || /^(Default:|$)/.test(description))
        .map(([name]) => `${place}.${name}`),
    );
    expect([...new Set(silent)]).toEqual([]);
  });

  test("of an object or an enumeration is a component, so that it has one name in every language", () => {
    const isAnonymous = ({ place, schema }: Placed) =>
      (place.includes("/") || place === "inline") &&
      ("properties" in schema || (Array.isArray(schema["enum"]) && schema["enum"].length > 1));
    expect(placesWhere(places, isAnonymous)).toEqual([]);
  });

  test("of several objects says by which field they are told apart", () => {
    const isUntold = ({ schema }: Placed) => "oneOf" in schema && !("discriminator" in schema);
    expect(placesWhere(places, isUntold)).toEqual([]);
    expect(components.schemas["RebalanceIntent"]?.["discriminator"]).toEqual({
      propertyName: "intent_type",
      mapping: {
        SECURITY_TRADE: "#/components/schemas/SecurityTradeIntent",
        FX_SPOT: "#/components/schemas/FxSpotIntent",
      },
    });
  });
});

describe("a schema of answers", () => {
  test("lets further fields be added later", () => {
    expect(placesWhere(placesAnswered, ({ schema }) => schema["additionalProperties"] === false)).toEqual([]);
  });

  test("has no pattern, so that a text can be read as what it is", () => {
    expect(placesWhere(placesAnswered, ({ schema }) => "pattern" in schema)).toEqual([]);
  });
});

test("objects of requests take no further fields", () => {
  const isOpen = ({ schema }: Placed) => "properties" in schema && schema["additionalProperties"] !== false;
  expect(placesWhere(placesSent, isOpen)).toEqual([]);
});

test("the number of scenarios and their names are limited as the reader limits them", () => {
  expect(components.schemas["BatchRebalanceRequest"]).toHaveProperty("properties.scenarios", {
    type: "object",
    propertyNames: { type: "string", pattern: "^[a-z0-9_-]{1,64}$" },
    additionalProperties: { $ref: "#/components/schemas/SimulationScenario" },
    minProperties: 1,
    maxProperties: 20,
    description: expect.any(String) as unknown,
  });
});

test("the glossary has no entry that nothing is described by", () => {
  const described = new Set(
    JSON.stringify(published)
      .match(/"description":"(?:[^"\\]|\\.)*"/g)
      ?.map((text) => text.slice(15, -1)),
  );
  const unused = Object.entries(GLOSSARY).filter(([, meaning]) => {
    const text = JSON.stringify(meaning).slice(1, -1);
    return ![...described].some((each) => each.startsWith(text));
  });
  expect(unused.map(([name]) => name)).toEqual([]);
});

describe("every operation", () => {
  test("is described, in a group that is described", () => {
    const groups = published.tags.map(({ name }) => name);
    for (const { name, operation } of operations) {
      expect(operation.description, name).toBeTruthy();
      expect(groups, name).toEqual(expect.arrayContaining(operation.tags));
    }
    expect(new Set(operations.flatMap(({ operation }) => operation.tags))).toEqual(new Set(groups));
  });

  test("has parameters that say what they mean", () => {
    const silent = operations.flatMap(({ name, operation }) =>
      operation.parameters
        .filter(({ description = "" }) => description === "" || description.startsWith("Default:"))
        .map((parameter) => `${name}: ${parameter.name}`),
    );
    expect(silent).toEqual([]);
  });

  test("tells of the headers of all its answers", () => {
    for (const { name, operation } of operations) {
      for (const [status, { headers }] of Object.entries(operation.responses)) {
        expect(Object.keys(headers), `${name} ${status}`).toEqual(
          expect.arrayContaining(["X-Correlation-Id", "X-Request-Id", "traceparent"]),
        );
      }
    }
  });

  test("names problems by codes that ErrorCode has", () => {
    const named = operations.flatMap(({ operation }) =>
      Object.values(operation.responses).flatMap(({ content }) =>
        Object.keys(content?.["application/problem+json"]?.examples ?? {}),
      ),
    );
    const details = [...new Set(named)].map((name) => Problem.parse(components.examples[name]?.value).detail);
    expect(details.length).toBeGreaterThan(50);
    expect(components.schemas["Problem"]).toHaveProperty(
      "properties.detail.$ref",
      "#/components/schemas/ErrorCode",
    );
    expect(components.schemas["ErrorCode"]).toHaveProperty("enum", ErrorCode.options);
  });

  test("leads by its links to parameters of operations, from fields of its answer", () => {
    const links = operations.flatMap(({ name, operation }) =>
      Object.values(operation.responses).flatMap((answer) =>
        Object.values(answer.links ?? {}).map((link) => ({ name, answer, link })),
      ),
    );
    expect(links.length).toBeGreaterThan(30);
    for (const { name, answer, link } of links) {
      const target = operations.find(
        ({ operation }) => operation.operationId === link.operationId,
      )?.operation;
      const place = `${name} -> ${link.operationId}`;
      for (const [parameter, expression] of Object.entries(link.parameters)) {
        expect(
          target?.parameters.map((each) => each.name),
          place,
        ).toContain(parameter);
        let at: unknown = answer.content?.["application/json"]?.schema;
        for (const step of expression.slice("$response.body#/".length).split("/")) {
          const { $ref } = z.object({ $ref: z.string() }).parse(at);
          const owner = components.schemas[$ref.slice("#/components/schemas/".length)];
          at = z.object({ properties: z.record(z.string(), z.unknown()) }).parse(owner).properties[step];
          expect(at, `${place}: ${expression}`).toBeDefined();
        }
      }
    }
  });
});

describe("transitionProposal", () => {
  const possible = new Set(
    ProposalEventType.options.filter((event) =>
      ProposalState.options.some((state) => stateAfter(state, event) !== undefined),
    ),
  );

  test("offers the events that can happen in some state, and no others", () => {
    expect(new Set(ProposalTransitionEvent.options)).toEqual(possible);
    expect(components.schemas["ProposalStateTransitionRequest"]).toHaveProperty(
      "properties.event_type.$ref",
      "#/components/schemas/ProposalTransitionEvent",
    );
  });

  test("shows where every event leads", () => {
    const description = operations.find(({ operation }) => operation.operationId === "transitionProposal")
      ?.operation.description;
    for (const state of ProposalState.options) {
      for (const event of ProposalEventType.options) {
        const row = `| ${state} | ${event} | ${stateAfter(state, event) ?? ""}`;
        expect(description?.includes(row), row).toBe(stateAfter(state, event) !== undefined);
      }
    }
  });
});

describe("what the service does", () => {
  let app: FastifyInstance;

  async function build(env: Record<string, string> = {}): Promise<FastifyInstance> {
    const runtime = runtimeWithoutDatabase(env);
    const lifecycle = { isStopping: false };
    const built = await buildApp({ runtime, operations: openOperations(runtime), lifecycle });
    await built.ready();
    return built;
  }

  beforeAll(async () => {
    app = await build();
  });
  afterAll(async () => {
    await app.close();
  });

  /** What is answered to a request that is refused as soon as it is read. */
  async function problemOf(of: FastifyInstance, method: string, path: string, headers = {}) {
    const { body } = await of.inject({
      method: method.toUpperCase() as "GET",
      url: `${path.replaceAll(/\{\w+\}/g, "1")}?no_such_filter=1`,
      headers: { "content-type": "application/json", "idempotency-key": "k", ...headers },
      ...(method === "get" ? {} : { payload: "{}" }),
    });
    return Problem.safeParse(body.startsWith("{") ? JSON.parse(body) : {}).data;
  }

  const CODES = ErrorCode.options.filter((code) => code.endsWith("_DISABLED"));

  test.each(CODES)("%s is told of exactly where it is answered when its group is off", async (code) => {
    const off = await build({ [code.replace(/_DISABLED$/, "_ENABLED")]: "false" });
    const isTold: string[] = [];
    const isAnswered: string[] = [];
    for (const { name, method, path, operation } of operations) {
      const examples = operation.responses["404"]?.content?.["application/problem+json"]?.examples ?? {};
      if (code in examples) isTold.push(name);
      const problem = await problemOf(off, method, path);
      if (problem?.status === 404 && problem.detail === code) isAnswered.push(name);
    }
    await off.close();
    expect(isAnswered.length).toBeGreaterThan(0);
    expect(isTold).toEqual(isAnswered);
  });

  test("a header that has a pattern is held to it", async () => {
    const seen = new Set<string>();
    for (const { method, path, operation } of operations) {
      for (const { name, in: where, schema } of operation.parameters) {
        if (where !== "header" || !("pattern" in schema) || seen.has(name)) continue;
        seen.add(name);
        const problem = await problemOf(app, method, path, { [name]: "two words" });
        expect(
          problem?.errors?.map(({ loc }) => loc),
          name,
        ).toContainEqual(["header", name]);
      }
    }
    expect(seen.size).toBeGreaterThan(3);
  });
});
