import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Fault } from "../../contract/faults.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import type { RequestContext } from "../../platform/http/context.ts";
import { invalidRequest } from "../../platform/http/problem.ts";
import { ProblemError } from "../../platform/http/problems.ts";
import { malformedBody } from "../../platform/http/strict-json.ts";
import { bytesOf, isNdjson } from "../../platform/http/streamed-body.ts";
import {
  MalformedBody,
  PieceTooLarge,
  splitLines,
  splitObject,
  type JsonSplitter,
} from "../../platform/json/split-json.ts";
import { settle } from "../../platform/leases/settle.ts";
import type { Runtime } from "../../runtime.ts";
import { READ_PORTFOLIOS, type PortfolioRead, type SentPortfolio } from "./bodies.ts";
import { insertPortfolios } from "./repository/portfolios.ts";
import { MOST_PORTFOLIOS } from "./schemas.ts";

export type UploadDeps = Pick<Runtime, "config" | "database" | "calculations" | "newId" | "clock">;

export type UploadTerms = {
  /** Whether the first line of NDJSON is the wave itself. */
  readonly hasHead: boolean;
  /** False: the portfolios are only hashed, because they will not become items. */
  readonly isStored: boolean;
  readonly signal: AbortSignal;
};

/** Portfolios that were sent together, read to their end and stored. */
export type Upload = {
  readonly uploadId: string;
  readonly isStored: boolean;
  readonly count: number;
  /** Over the keys and contents of all of them, in their order. */
  readonly portfoliosHash: string;
  /** What the body says besides them, as the bytes of a JSON object. */
  readonly head: Buffer;
  readonly faults: readonly Fault[];
};

/** What is read in one go: some tens of milliseconds of a thread, and a short transaction. */
const LINES_AT_ONCE = 64;
const BYTES_AT_ONCE = 512 * 1_024;

/** More would help nobody. */
const MOST_FAULTS = 100;

/**
 * Reads the body of a wave as it comes. Portfolios are read in other threads and stored batch by batch, so that no more of
 * the body is in memory than a batch. What is stored is nobody's until a transaction makes items of it.
 */
export async function readUpload(
  deps: UploadDeps,
  { tenantId }: Pick<RequestContext, "tenantId">,
  message: IncomingMessage,
  terms: UploadTerms,
): Promise<Upload> {
  const { maxWaveBodyBytes: maxBytes, maxBodyBytes } = deps.config.server;
  const isLines = isNdjson(message.headers["content-type"]);
  const reader = batchReader(deps, tenantId, terms);
  const members: Buffer[] = [];
  const take = async (pieces: ReturnType<JsonSplitter["push"]>): Promise<void> => {
    for (const piece of pieces) {
      if (piece.kind === "member") members.push(memberOf(piece.name, piece.bytes));
      else if (isLines && terms.hasHead && members.length === 0) members.push(insideOf(piece.bytes));
      else await reader.add(piece.bytes);
    }
  };
  try {
    const splitter = isLines ? splitLines(maxBodyBytes) : splitObject("portfolios", maxBodyBytes);
    for await (const chunk of bytesOf(message, { maxBytes, signal: terms.signal })) {
      await take(splitter.push(chunk));
    }
    await take(splitter.end());
  } catch (error) {
    throw asProblem(error);
  }
  return { ...(await reader.end()), head: Buffer.concat([OPEN, joined(members), CLOSE]) };
}

const OPEN = Buffer.from("{");
const CLOSE = Buffer.from("}");
const COMMA = Buffer.from(",");

function memberOf(name: string, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(name)}:`), bytes]);
}

/** The members of an object as they stand; of what is none, what makes it none when it is read. */
function insideOf(line: Buffer): Buffer {
  const text = line.toString("utf8").trim();
  return Buffer.from(text.startsWith("{") && text.endsWith("}") ? text.slice(1, -1) : text);
}

function joined(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [COMMA, part])));
}

function asProblem(error: unknown): unknown {
  if (error instanceof MalformedBody) return new ProblemError(malformedBody(error.message));
  if (error instanceof PieceTooLarge) return new ProblemError({ status: 413, detail: "PAYLOAD_TOO_LARGE" });
  return error;
}

function batchReader(deps: UploadDeps, tenantId: string, { isStored, signal }: UploadTerms) {
  const uploadId = deps.newId("rwu_");
  const hash = createHash("sha256");
  const faults: Fault[] = [];
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let count = 0;

  async function add(bytes: Buffer): Promise<void> {
    if (count + waiting.length === MOST_PORTFOLIOS) throw new ProblemError(TOO_MANY);
    waiting.push(new Uint8Array(bytes));
    waitingBytes += bytes.length;
    if (waiting.length === LINES_AT_ONCE || waitingBytes >= BYTES_AT_ONCE) await readWaiting();
  }

  async function readWaiting(): Promise<void> {
    const lines = waiting;
    waiting = [];
    waitingBytes = 0;
    if (lines.length === 0) return;
    const { unknownFields } = deps.config.contract;
    const terms = { cost: Infinity, waits: true, signal };
    const read = await deps.calculations.run(READ_PORTFOLIOS, { lines, unknownFields }, terms);
    const portfolios = read.flatMap((one, index) => portfolioOf(one, count + index));
    for (const { item_key, portfolio_hash } of portfolios) hash.update(hashedLine(item_key, portfolio_hash));
    const firstLine = count + 1;
    count += lines.length;
    if (isStored && faults.length === 0) await store(firstLine, portfolios);
  }

  function portfolioOf(read: PortfolioRead, index: number): SentPortfolio[] {
    switch (read.kind) {
      case "read":
        return [read.portfolio];
      case "malformed":
        throw new ProblemError(malformedBody(`portfolio ${index + 1}: ${read.reason}`));
      case "refused":
        if (faults.length < MOST_FAULTS) {
          faults.push({ ...read.fault, path: ["portfolios", index, ...read.fault.path] });
        }
        return [];
    }
  }

  async function store(firstLine: number, portfolios: readonly SentPortfolio[]): Promise<void> {
    const sentAt = deps.clock().toISOString();
    // Lines that a lost COMMIT has left are what would be written again.
    await settle(() =>
      inTransaction(deps.database, { tenantId }, (tx) =>
        insertPortfolios(tx, tenantId, uploadId, firstLine, portfolios, sentAt),
      ),
    );
  }

  async function end() {
    await readWaiting();
    const portfoliosHash = `sha256:${hash.digest("hex")}`;
    return { uploadId, isStored, count, portfoliosHash, faults };
  }

  return { add, end };
}

/** What the hash over portfolios covers of each. The database recomputes it. */
function hashedLine(itemKey: string | null, portfolioHash: string): string {
  return `${itemKey ?? ""}\t${portfolioHash}\n`;
}

const TOO_MANY = invalidRequest([
  {
    part: "body",
    path: ["portfolios"],
    msg: `must have at most ${MOST_PORTFOLIOS} items`,
    code: "TOO_MANY_ITEMS",
  },
]);
