import type { ReportContent } from "./report.ts";
import type { StoredDiagnostics } from "./stored.ts";

/** What the request did not have, by its kind; each name once. */
export function missingDataOf({ data_quality }: StoredDiagnostics): ReportContent["missingData"] {
  return Object.entries(data_quality)
    .filter(([, names]) => names.length > 0)
    .map(([kind, names]) => ({ kind, names: [...new Set(names)] }));
}
