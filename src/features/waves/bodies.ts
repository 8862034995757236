import type { UnknownFields } from "../../contract/faults.ts";
import { validate, type Fault } from "../../contract/faults.ts";
import { isJsonObject, isRefusal, wireObject, type Refusal } from "../../contract/wire.ts";
import { PortfolioSnapshot } from "../../contract/portfolio.ts";
import type { RulesVersion } from "../../contract/options.ts";
import { rulesNamed } from "../../engine/versions.ts";
import { readIdentifier } from "../../contract/scalars.ts";
import { BodyType } from "../../platform/body-type.ts";
import { contentHash } from "../../platform/hash.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { readJsonBody } from "../../platform/json/read-json.ts";
import type { Calculation } from "../../platform/threads.ts";
import { portfolioFields, WaveHead, type WaveShared } from "./schemas.ts";

/** What is known of a wave's body besides its portfolios. */
export const WaveHeadBody = new BodyType("the head of a wave", WaveHead, (head) => ({
  text: canonicalJson(head),
  facts: {
    wave_name: head.wave_name,
    created_by: head.created_by,
    sharedText: canonicalJson(head.shared),
    sharedOptions: head.shared.options,
    sharedFaults: faultsByRules(head.shared),
  },
}));

/** Why rules cannot take what all items share, by version: which is in force, the policy pack has a say in. */
export type FaultsByRules = Readonly<Record<RulesVersion, readonly Fault[]>>;

function faultsByRules(shared: WaveShared): FaultsByRules {
  const faultsUnder = (version: RulesVersion) =>
    rulesNamed(version)
      .inputFaults({ ...shared, portfolio_snapshot: NOTHING_HELD })
      .map((fault) => ({ ...fault, path: ["shared", ...fault.path] }));
  return { "1": faultsUnder("1"), "2": faultsUnder("2") };
}

const NOTHING_HELD = PortfolioSnapshot.parse({ portfolio_id: "none", base_currency: "USD" });

/** What an added list of portfolios says besides them: nothing. */
export const AdditionBody = new BodyType("portfolios for a wave", wireObject({}), () => ({
  text: "{}",
  facts: {},
}));

/**
 * A portfolio as it is stored: `item_key` null where it brings none and has no portfolio id that could be one, `faults_text`
 * null where nothing is wrong with it.
 */
export type SentPortfolio = {
  readonly item_key: string | null;
  readonly portfolio_id: string | null;
  readonly portfolio_text: string;
  readonly portfolio_hash: string;
  readonly faults_text: string | null;
};

export type PortfolioRead =
  | { readonly kind: "read"; readonly portfolio: SentPortfolio }
  | { readonly kind: "malformed"; readonly reason: string }
  /** No item can be made of it: its key is none. */
  | { readonly kind: "refused"; readonly fault: Fault };

export type PortfoliosInput = {
  readonly lines: readonly Uint8Array[];
  readonly unknownFields: UnknownFields;
};

/** Reads portfolios of a wave. What is wrong with one of them is kept with it: it fails that item, and nobody else. */
export const READ_PORTFOLIOS: Calculation<PortfoliosInput, PortfolioRead[]> = {
  name: "read portfolios of a wave",
  compute: ({ lines, unknownFields }) => lines.map((line) => readPortfolio(line, unknownFields)),
};

const Portfolio = wireObject(portfolioFields);

/** More help nobody, and an item must stay small. */
const MOST_STORED_FAULTS = 100;

function readPortfolio(bytes: Uint8Array, unknownFields: UnknownFields): PortfolioRead {
  const body = readJsonBody(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (!body.ok) return { kind: "malformed", reason: body.reason };
  const { value: tree } = body;
  const { item_key: sentKey, ...sent } = isJsonObject(tree) ? tree : {};
  const key = sentKey === undefined ? undefined : readIdentifier(sentKey);
  if (isRefusal(key)) return { kind: "refused", fault: faultOf(["item_key"], key) };
  const validated = validate(Portfolio, isJsonObject(tree) ? sent : tree, unknownFields);
  const portfolio_id = portfolioIdOf(sent["portfolio_snapshot"]);
  const portfolio_text = canonicalJson(
    validated.ok ? { ...validated.value, options: asSent(validated.value.options, sent["options"]) } : tree,
  );
  return {
    kind: "read",
    portfolio: {
      item_key: key ?? portfolio_id,
      portfolio_id,
      portfolio_text,
      portfolio_hash: contentHash(portfolio_text),
      faults_text: validated.ok ? null : faultsText(validated.faults),
    },
  };
}

/** What is wrong with an item, as it is stored: its places as if its portfolio had been sent alone. */
export function faultsText(faults: readonly Fault[]): string {
  const shown = faults.slice(0, MOST_STORED_FAULTS);
  return canonicalJson(shown.map(({ path, msg, code }) => ({ loc: ["body", ...path], msg, code })));
}

function faultOf(path: readonly string[], { message, code }: Refusal): Fault {
  return { path, msg: message, code };
}

function portfolioIdOf(snapshot: unknown): string | null {
  const id = isJsonObject(snapshot) ? readIdentifier(snapshot["portfolio_id"]) : undefined;
  return id === undefined || isRefusal(id) ? null : id;
}

/** The options that were given, without those that were filled in: of these the shared ones are good. */
function asSent(read: object | undefined, sent: unknown): object | undefined {
  if (read === undefined || !isJsonObject(sent)) return undefined;
  return Object.fromEntries(Object.entries(read).filter(([name]) => sent[name] !== undefined));
}
