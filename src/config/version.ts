import { readFileSync } from "node:fs";

/** The version of this package, which is the engine version that runs are stamped with. */
export function readVersion(): string {
  const document: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const version =
    typeof document === "object" && document !== null && "version" in document ? document.version : "";
  if (typeof version !== "string" || version === "") throw new Error("package.json names no version");
  return version;
}
