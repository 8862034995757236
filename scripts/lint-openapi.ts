/** Holds docs/openapi.json to the rules that Spectral recommends for OpenAPI. Redocly's are in redocly.yaml. */
import { readFileSync } from "node:fs";
import spectralCore from "@stoplight/spectral-core";
import spectralRulesets from "@stoplight/spectral-rulesets";

const { Spectral } = spectralCore;
const FILE = new URL("../docs/openapi.json", import.meta.url);

const spectral = new Spectral();
spectral.setRuleset({
  extends: [[{ ...spectralRulesets.oas, extends: [] }, "recommended"]],
  rules: {
    // Written for OpenAPI 3.0: since 3.1 any security scheme, not OAuth alone, may name the scopes of an operation.
    "oas3-operation-security-defined": "off",
  },
});

const document: unknown = JSON.parse(readFileSync(FILE, "utf8"));
if (typeof document !== "object" || document === null) throw new Error("docs/openapi.json holds no document");
const findings = await spectral.run({ ...document });
for (const { code, message, path } of findings) {
  process.stderr.write(`${code}: ${message} (${path.join("/")})\n`);
}
process.stdout.write(`Spectral: ${findings.length} findings\n`);
process.exitCode = findings.length === 0 ? 0 : 1;
