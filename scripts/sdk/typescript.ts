import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DOCUMENT, documentVersion, ROOT, run, SDK } from "./commands.ts";
import type { Language } from "./language.ts";

const FOLDER = `${SDK}/typescript`;
const TSC = `${ROOT}node_modules/typescript/bin/tsc`;

/** Holds the hash of what the client was made from. */
const MADE_FROM = `${FOLDER}/.made-from`;

const PACKAGE = {
  name: "ballast-client",
  type: "module",
  exports: {
    ".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
    "./client": { types: "./dist/client/index.d.ts", default: "./dist/client/index.js" },
  },
  files: ["dist", "src"],
  engines: { node: ">=18" },
};

const TSCONFIG = {
  compilerOptions: {
    target: "ES2022",
    lib: ["ES2023", "DOM", "DOM.Iterable"],
    module: "NodeNext",
    moduleResolution: "NodeNext",
    types: [],
    rootDir: "src",
    outDir: "dist",
    declaration: true,
    strict: true,
  },
  include: ["src"],
};

/** Functions on `fetch`, without dependencies, compiled to JavaScript and its types. */
export const typescript: Language = {
  name: "typescript",
  generator: "@hey-api/openapi-ts",
  tools: [["node", "--version"]],
  generate: async (version) => {
    rmSync(FOLDER, { recursive: true, force: true });
    // Loaded only here: it takes longer than to see that nothing has changed.
    const { createClient } = await import("@hey-api/openapi-ts");
    await createClient({
      input: DOCUMENT,
      output: { path: `${FOLDER}/src`, module: { extension: ".js" } },
      logs: { level: "silent", file: false },
      plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
    });
    writeFileSync(`${FOLDER}/package.json`, JSON.stringify({ ...PACKAGE, version }, null, 2));
    writeFileSync(`${FOLDER}/tsconfig.json`, JSON.stringify(TSCONFIG, null, 2));
    run(process.execPath, [TSC, "-p", FOLDER]);
    writeFileSync(MADE_FROM, source());
  },
  compile: () => run(process.execPath, [TSC, "-p", `${ROOT}scripts/sdk/stories/tsconfig.json`]),
  story: () => [process.execPath, ["--import", "tsx", `${ROOT}scripts/sdk/stories/story.ts`]],
};

/** The client that the demonstration and the tests use is made anew whenever the document has changed. */
export async function ensureTypescriptClient(): Promise<void> {
  if (existsSync(MADE_FROM) && readFileSync(MADE_FROM, "utf8") === source()) return;
  await typescript.generate(documentVersion());
}

function source(): string {
  const hash = createHash("sha256");
  for (const file of [DOCUMENT, fileURLToPath(import.meta.url), `${ROOT}package-lock.json`])
    hash.update(readFileSync(file));
  return hash.digest("hex");
}
