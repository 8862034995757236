import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import type { Runtime } from "../../runtime.ts";
import { isOver } from "../waves/core/verification.ts";
import { listEvents } from "../waves/repository/events.ts";
import { listItems } from "../waves/repository/items.ts";
import { verifyWave } from "../waves/verify-wave.ts";
import { viewWave } from "../waves/view-wave.ts";
import { waveReport, type StoredWave } from "./core/wave-report.ts";
import { languageOf, type LanguageTag } from "./language.ts";
import { wavePage } from "./pages/wave/wave-page.ts";

/** More are in the list of its items. */
const MOST_FAILURES = 100;
/** A wave has a handful, unless it is paused and resumed all the time. */
const MOST_EVENTS = 500;

type Deps = Pick<Runtime, "database" | "clock" | "config">;

/**
 * The page of a wave as of this moment, and whether all that is stored of it holds, once it is over. Undefined: there is no
 * such wave. Its length does not depend on the number of portfolios, so it is made where it is asked for.
 */
export async function reportWave(
  deps: Deps,
  tenantId: string,
  waveId: string,
  language: LanguageTag,
): Promise<string | undefined> {
  const { database, clock } = deps;
  const asOf = clock().toISOString();
  const stored = await inTransaction(database, { tenantId, readOnly: true }, (tx) =>
    readStored(tx, tenantId, waveId, asOf),
  );
  if (stored === undefined) return undefined;
  const verification = isOver(stored.view.wave) ? await verify(deps, tenantId, waveId) : null;
  return wavePage(waveReport({ ...stored, verification }), languageOf(language));
}

async function readStored(
  tx: Tx,
  tenantId: string,
  waveId: string,
  asOf: string,
): Promise<Omit<StoredWave, "verification"> | undefined> {
  const [view, failed, events] = await Promise.all([
    viewWave(tx, tenantId, waveId, asOf),
    listItems(tx, waveId, { status: "FAILED" }, { tenantId, after: undefined, limit: MOST_FAILURES }),
    listEvents(tx, tenantId, waveId, 0, MOST_EVENTS),
  ]);
  return view === undefined ? undefined : { view, failed: failed.slice(0, MOST_FAILURES), events };
}

async function verify(deps: Deps, tenantId: string, waveId: string): Promise<StoredWave["verification"]> {
  const verified = await verifyWave(deps, tenantId, waveId);
  if (verified === undefined) return null;
  const { checked, failures } = verified;
  return { valid: failures.length === 0, checked, failures };
}
