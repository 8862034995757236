import { SingleBar } from "cli-progress";
import { fill } from "./fill.ts";

/** Fills, and shows on the terminal how far it has come. */
export async function fillWithProgress(url: string, rows: number): Promise<void> {
  const bar = new SingleBar({
    format: "{bar} {percentage} % | {value} of {total} runs | {eta_formatted} to go",
  });
  bar.start(rows, 0);
  try {
    await fill(url, rows, (done) => bar.update(done));
  } finally {
    bar.stop();
  }
}
