import { readFileSync } from "node:fs";
import * as z from "zod";
import { splitLines, splitObject, type JsonPiece } from "../../src/platform/json/split-json.ts";

export type WaveFile = {
  readonly name: string;
  /** The wave without portfolios, as it stands in the file: its numbers keep their digits. */
  readonly head: string;
  /** Each portfolio as it stands in the file, on one line. */
  readonly portfolios: readonly string[];
};

const Head = z.looseObject({ wave_name: z.string() });

/** Reads a wave from `.json` (the body of POST /rebalance/waves) or `.ndjson` (the wave first, then a portfolio a line). */
export function readWaveFile(path: string): WaveFile {
  const bytes = readFileSync(path);
  const { head, portfolios } = path.endsWith(".ndjson") ? readLines(bytes) : readObject(bytes);
  const { wave_name: name } = Head.parse(JSON.parse(head));
  return { name, head, portfolios };
}

function readLines(bytes: Buffer): Pick<WaveFile, "head" | "portfolios"> {
  const splitter = splitLines(Infinity);
  const [head = "", ...portfolios] = [...splitter.push(bytes), ...splitter.end()].map(lineOf);
  return { head, portfolios };
}

function readObject(bytes: Buffer): Pick<WaveFile, "head" | "portfolios"> {
  const splitter = splitObject("portfolios", Infinity);
  const pieces = [...splitter.push(bytes), ...splitter.end()];
  const members = pieces.flatMap((piece) =>
    piece.kind === "member" ? [`${JSON.stringify(piece.name)}:${lineOf(piece)}`] : [],
  );
  const items = pieces.filter((piece) => piece.kind === "item");
  return { head: `{${members.join(",")}}`, portfolios: items.map(lineOf) };
}

/** JSON has line breaks only between its values, where a blank is as good. */
function lineOf({ bytes }: JsonPiece): string {
  return bytes
    .toString("utf8")
    .replaceAll(/[\r\n]+/g, " ")
    .trim();
}
