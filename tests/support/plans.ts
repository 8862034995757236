import type { Database } from "../../src/platform/database/database.ts";
import { inTransaction, type SqlValue, type Tx } from "../../src/platform/database/transaction.ts";

/** The plans of the very statements that `send` sends, as the service's role gets them. */
export async function plansOf(
  database: Database,
  tenantId: string,
  send: (tx: Tx) => Promise<unknown>,
): Promise<string> {
  const plans: string[] = [];
  await inTransaction(database, { tenantId, readOnly: true }, async (tx) => {
    const explain = async (strings: TemplateStringsArray, ...values: readonly SqlValue[]) => {
      const [head = "", ...rest] = strings;
      const explained = Object.assign([`explain ${head}`, ...rest], { raw: strings.raw });
      const rows = await tx<{ "QUERY PLAN": string }>(explained, ...values);
      plans.push(...rows.map((row) => row["QUERY PLAN"]));
      return Object.assign([], { count: 0 });
    };
    await send(explain);
  });
  if (plans.length === 0) throw new Error("no statement was sent");
  return plans.join("\n");
}
