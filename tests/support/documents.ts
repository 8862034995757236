import type { BodyType, Document } from "../../src/platform/body-type.ts";

/** A body as a use case gets it: read through the contract. `tree` is what the strict reader would make of it. */
export function documentOf<T, Facts extends object>(
  type: BodyType<T, Facts>,
  tree: unknown,
): Document<Facts> {
  const read = type.readTree(tree, {
    unknownFields: "refuse",
    reader: { tenantId: "default", caller: null },
  });
  if (read.kind === "read") return read.document;
  throw new Error(`refused: ${JSON.stringify(read)}`);
}
