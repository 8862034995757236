import { databaseFault } from "../../src/platform/database/errors.ts";

/** What came of a promise, as a word: "done", the kind of a database fault, or the message of another error. */
export async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "done";
  } catch (error) {
    return databaseFault(error)?.kind ?? (error instanceof Error ? error.message : String(error));
  }
}

/** A point that one side waits at and the other opens. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
