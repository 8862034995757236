import { readFileSync } from "node:fs";
import findMyWay from "find-my-way";
import * as z from "zod";

const Operation = z.object({ responses: z.record(z.string(), z.unknown()) });
const Document = z.object({ paths: z.record(z.string(), z.record(z.string(), Operation)) });

/** `npm run check:openapi` holds that the published document is what the code says. */
const { paths } = Document.parse(
  JSON.parse(readFileSync(new URL("../../docs/openapi.json", import.meta.url), "utf8")),
);

export type DocumentedOperation = {
  readonly method: string;
  /** With `:name` where a parameter stands. */
  readonly url: string;
  readonly statuses: ReadonlySet<string>;
};

export const documentedOperations: readonly DocumentedOperation[] = Object.entries(paths).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, { responses }]) => ({
      method: method.toUpperCase(),
      url: path.replaceAll(/\{(\w+)\}/g, ":$1"),
      statuses: new Set(Object.keys(responses)),
    })),
);

const router = findMyWay({ maxParamLength: 10_000 });
for (const operation of documentedOperations) {
  router.on(operation.method as "GET", operation.url, () => undefined, operation);
}

/** Throws where an operation answers what its documentation does not tell of. What is no operation tells nothing. */
export function requireDocumented(method: string, url: string, status: number): void {
  const found = router.find(method as "GET", url);
  const operation = found?.store as DocumentedOperation | undefined;
  if (operation === undefined || operation.statuses.has(String(status))) return;
  throw new Error(
    `${method} ${operation.url} answers ${String(status)}, which its documentation does not tell`,
  );
}
