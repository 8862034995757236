import { readFileSync } from "node:fs";

// Prints "<passed> <failed>" from the report of vitest's json reporter; a file that did not load is one failure.
const [, , reportPath] = process.argv;
const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(reportPath, "utf8"));
const unloaded = testResults.filter(
  ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
);
console.log(`${numPassedTests} ${numFailedTests + unloaded.length}`);
