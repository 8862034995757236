import type { Calculation, Calculations } from "../../platform/threads.ts";
import { makeArtifact, type ArtifactSource } from "./artifact.ts";
import type { StoredRun } from "./repository.ts";

/** The artifact of a run that is stored without. */
export const MAKE_ARTIFACT: Calculation<ArtifactSource, string> = {
  name: "make an artifact",
  compute: makeArtifact,
};

/** An estimate of its work, in positions that are calculated once: some 1,800 characters of its documents are one. */
export function costOfArtifact({ input_text, result_text }: ArtifactSource): number {
  return (input_text.length + result_text.length) / 1_800;
}

/** The artifact of a stored run: as it was stored, or else as it would have been. */
export async function artifactText(calculations: Calculations, run: StoredRun): Promise<string> {
  const { artifact_text, created_at, portfolio_id, engine_version, input_text, result_text } = run;
  if (artifact_text !== null) return artifact_text;
  const source = { created_at, portfolio_id, engine_version, input_text, result_text };
  return calculations.run(MAKE_ARTIFACT, source, { cost: costOfArtifact(source) });
}
