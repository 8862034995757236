import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { DOCUMENT, ROOT, run, SDK } from "./commands.ts";
import type { Language } from "./language.ts";

const FOLDER = `${SDK}/python`;
const TOOLS = `${SDK}/.tools/python`;
const TRY = `${SDK}/.try/python`;
const GENERATOR = "openapi-python-client==0.29.1";

/** A package with httpx and attrs, both synchronous and asynchronous. */
export const python: Language = {
  name: "python",
  generator: GENERATOR.replace("==", " "),
  tools: [["python3", "-m", "venv", "--help"]],
  generate: () => {
    if (!existsSync(`${TOOLS}/bin/openapi-python-client`)) {
      run("python3", ["-m", "venv", TOOLS]);
      run(`${TOOLS}/bin/pip`, ["install", "--quiet", GENERATOR]);
    }
    const options = ["--path", DOCUMENT, "--output-path", FOLDER, "--overwrite", "--meta", "setup"];
    run(`${TOOLS}/bin/openapi-python-client`, ["generate", ...options]);
  },
  compile: () => {
    mkdirSync(TRY, { recursive: true });
    if (!existsSync(`${TRY}/venv`)) run("python3", ["-m", "venv", `${TRY}/venv`]);
    run(`${TRY}/venv/bin/pip`, ["install", "--quiet", "--force-reinstall", FOLDER]);
    copyFileSync(`${ROOT}scripts/sdk/stories/story.py`, `${TRY}/story.py`);
    run(`${TRY}/venv/bin/python`, ["-m", "compileall", "-q", TRY, FOLDER]);
  },
  story: () => [`${TRY}/venv/bin/python`, ["-u", `${TRY}/story.py`]],
};
