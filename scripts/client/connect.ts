import { createClient, type Client } from "#ballast-client/client";
import { retryingFetch } from "./retry.ts";

/** A client of a service, which sends again what may not have arrived. */
export function connect(baseUrl: string, headers: Readonly<Record<string, string>> = {}): Client {
  return createClient({ baseUrl, headers, fetch: retryingFetch });
}
