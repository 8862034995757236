import { move, transferableSymbol, valueSymbol } from "piscina";
import { HASH_AUDIT_EVENTS } from "./features/audit/calculations.ts";
import { AnalyzeAsyncBody, AnalyzeBody, RebalanceBody } from "./features/rebalance/bodies.ts";
import { CALCULATE_BATCH, CALCULATE_RUN } from "./features/rebalance/calculations.ts";
import { CreateBody, SimulateBody, VersionBody } from "./features/proposals/bodies.ts";
import {
  CALCULATE_ARTIFACT,
  CALCULATE_SIMULATION,
  CHECK_VERSIONS,
  HASH_EVENTS,
  PREPARE_PROPOSAL,
  PREPARE_VERSION,
} from "./features/proposals/calculations.ts";
import { MAKE_ARTIFACT } from "./features/runs/derive-artifact.ts";
import { REPORT_PROPOSAL, REPORT_RUN } from "./features/reports/calculations.ts";
import { READ_PORTFOLIOS, WaveHeadBody } from "./features/waves/bodies.ts";
import { CALCULATE_ITEMS } from "./features/waves/calculations.ts";
import { REPRODUCE_RUN } from "./features/runs/reproduce-run.ts";
import { VERIFY_RUN } from "./features/support/calculations.ts";
import { memoryOf } from "./platform/text-parts.ts";
import { LOADED, type Calculation, type ThreadTask } from "./platform/threads.ts";

/** What a thread can do: every calculation of the features, by its name. It opens nothing, and has no database. */
const CALCULATIONS: ReadonlyMap<string, Calculation<never, unknown>> = new Map(
  [
    RebalanceBody.reading,
    AnalyzeBody.reading,
    AnalyzeAsyncBody.reading,
    SimulateBody.reading,
    CreateBody.reading,
    VersionBody.reading,
    CALCULATE_RUN,
    CALCULATE_BATCH,
    CALCULATE_SIMULATION,
    CALCULATE_ARTIFACT,
    PREPARE_PROPOSAL,
    PREPARE_VERSION,
    HASH_EVENTS,
    CHECK_VERSIONS,
    HASH_AUDIT_EVENTS,
    REPRODUCE_RUN,
    MAKE_ARTIFACT,
    VERIFY_RUN,
    REPORT_PROPOSAL,
    REPORT_RUN,
    WaveHeadBody.reading,
    READ_PORTFOLIOS,
    CALCULATE_ITEMS,
    LOADED,
  ].map((calculation: Calculation<never, unknown>) => [calculation.name, calculation]),
);

/**
 * Called in a thread with what `Calculations.run` sent: the input is that of the calculation of this name. Large texts are
 * handed over: to copy them takes the other thread, which serves HTTP, tens of milliseconds at once.
 */
export default function compute({ name, input }: ThreadTask): unknown {
  const calculation = CALCULATIONS.get(name);
  if (calculation === undefined) throw new Error(`no thread can ${name}`);
  const output = calculation.compute(input as never);
  if (typeof output !== "object" || output === null) return output;
  const memory = memoryOf(output);
  return memory.length === 0 ? output : move({ [transferableSymbol]: memory, [valueSymbol]: output });
}
