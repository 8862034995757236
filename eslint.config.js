import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

/** A transaction is begun in one place only. */
const driverCalls = ["begin", "reserve", "unsafe"].map((method) => ({
  selector: `CallExpression[callee.property.name="${method}"]`,
  message: "Only src/platform/database touches the driver: use inTransaction.",
}));

/** Statements stand in repositories, next to the rows that they return. */
const statements = [
  {
    selector: 'TaggedTemplateExpression[tag.name="tx"]',
    message: "SQL stands in the feature's repository.",
  },
];

/** A page escapes what it shows. */
const rawMarkup = [
  {
    selector: 'MemberExpression[object.name="html"][property.name="raw"]',
    message: "Nothing goes into a page unescaped: use the template html.",
  },
];

/** Money never passes through a double. */
const doubleCalls = [
  {
    selector: 'CallExpression[callee.name="parseFloat"], CallExpression[callee.property.name="toFixed"]',
    message: "Amounts are decimals, never doubles: use src/decimal.",
  },
];

export default defineConfig(
  { ignores: ["dist/", "coverage/", ".data/", "node_modules/", "tests/fixtures/", "sdk/"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // A string is spread into its characters on purpose: lengths are counted in characters.
      "@typescript-eslint/no-misused-spread": ["error", { allow: ["string"] }],
      // Control characters are what the boundary looks for.
      "no-control-regex": "off",
      eqeqeq: "error",
      "no-console": "error",
      "no-param-reassign": "error",
      "prefer-template": "error",
    },
  },
  {
    files: ["src/**/*.ts"],
    rules: {
      complexity: ["error", 16],
      "max-lines": ["error", { max: 300, skipBlankLines: true, skipComments: true }],
      "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ["src/**/*.ts"],
    // Each rule ends where what it guards is kept.
    ignores: ["src/platform/database/**", "src/decimal/**"],
    rules: { "no-restricted-syntax": ["error", ...driverCalls, ...doubleCalls, ...rawMarkup] },
  },
  {
    files: ["src/features/**/*.ts"],
    ignores: ["src/features/*/repository.ts", "src/features/*/repository/**"],
    rules: { "no-restricted-syntax": ["error", ...driverCalls, ...doubleCalls, ...rawMarkup, ...statements] },
  },
  {
    files: ["src/decimal/**/*.ts"],
    rules: { "no-restricted-syntax": ["error", ...driverCalls] },
  },
  {
    files: ["scripts/**/*.ts", "scripts/**/*.js", "*.js"],
    languageOptions: { globals: { process: "readonly", console: "readonly" } },
    rules: { "no-console": "off" },
  },
);
