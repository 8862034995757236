/** Imports go one way: docs/architecture.md says why. */

/** What a layer may import beside itself, by folder under src/. */
const LAYERS = [
  { layer: "decimal", mayImport: [] },
  { layer: "contract", mayImport: ["decimal"] },
  { layer: "engine", mayImport: ["decimal", "contract"] },
  { layer: "platform", mayImport: ["decimal", "contract"] },
  { layer: "config", mayImport: ["platform", "contract"] },
];

const oneWay = LAYERS.map(({ layer, mayImport }) => ({
  name: `${layer}-imports-one-way`,
  severity: "error",
  comment: `src/${layer} imports ${mayImport.length === 0 ? "nothing" : mayImport.join(", ")} of src`,
  from: { path: `^src/${layer}/` },
  to: {
    path: "^src/",
    pathNot: [...[layer, ...mayImport].map((name) => `^src/${name}/`)],
  },
}));

export default {
  forbidden: [
    ...oneWay,
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "features-do-not-import-the-wiring",
      severity: "error",
      comment: "what a feature needs is handed to it",
      from: { path: "^src/features/" },
      to: { path: "^src/(app|main|start|wiring|background)\\.ts$" },
    },
    {
      name: "core-is-pure",
      severity: "error",
      comment: "decisions and calculations know neither HTTP nor SQL",
      from: { path: ["^src/(decimal|contract|engine)/", "(^|/)core(\\.ts|/)"] },
      to: {
        path: [
          "(^|/)(routes|repository)(\\.ts|/)",
          "^src/platform/(http|database)/",
          "node_modules/(fastify|@fastify|postgres|pg|pino)/",
        ],
      },
    },
    {
      name: "core-does-no-io",
      severity: "error",
      from: { path: ["^src/(decimal|contract|engine)/", "(^|/)core(\\.ts|/)"] },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "repositories-do-not-know-http",
      severity: "error",
      from: { path: "(^|/)repository(\\.ts|/)" },
      to: { path: ["(^|/)routes(\\.ts|/)", "^src/platform/http/", "node_modules/(fastify|@fastify)/"] },
    },
    {
      name: "one-door-to-the-driver",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/platform/database/" },
      to: { path: "node_modules/(postgres|pg|node-pg-migrate)/" },
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
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
    },
  },
};
