/**
 * Generates a client of the service into `sdk/`: `npm run sdk -- typescript|python|java|go`, or several of them. With
 * --if-changed, that for TypeScript, which the project itself uses, unless it is that of the document.
 */
import { documentVersion } from "./commands.ts";
import { LANGUAGES, missingTools } from "./languages.ts";
import { ensureTypescriptClient } from "./typescript.ts";

const names = process.argv.slice(2);
const chosen = LANGUAGES.filter(({ name }) => names.includes(name));
if (names.includes("--if-changed")) await ensureTypescriptClient();
else if (chosen.length === 0 || chosen.length < names.length) {
  process.stderr.write(`npm run sdk -- ${LANGUAGES.map(({ name }) => name).join("|")}\n`);
  process.exitCode = 1;
} else {
  for (const language of chosen) await generate(language);
}

async function generate(language: (typeof LANGUAGES)[number]): Promise<void> {
  const missing = missingTools(language);
  if (missing.length > 0) throw new Error(`${language.name} needs ${missing.join(", ")}`);
  await language.generate(documentVersion());
  process.stdout.write(`sdk/${language.name}, by ${language.generator}\n`);
}
