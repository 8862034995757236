/**
 * The callers of `pressure`, in a process of their own: what it costs them to send and receive must not show in the times
 * that are measured. Sends its counts to its parent when the time is over.
 */
import { randomUUID } from "node:crypto";
import http from "node:http";
import os from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { largestRequests, type LargeRequest } from "./pressure-bodies.ts";

export type LoadCounts = Readonly<Record<string, Readonly<Record<string, number>>>>;

const [base = "", proposalId = "", clients = "", seconds = ""] = process.argv.slice(2);
os.setPriority(10); // they stand for other machines
const agent = new http.Agent({ keepAlive: true });
const requests = largestRequests(proposalId);
const counts: Record<string, Record<string, number>> = {};
const endsAt = performance.now() + Number(seconds) * 1_000;
let turn = 0;

async function call(): Promise<void> {
  while (performance.now() < endsAt) {
    const request = requests[turn % requests.length];
    if (request === undefined) throw new Error("nothing to send");
    turn += 1;
    const outcome = await post(request).catch((error: unknown) => String(error));
    const ofKind = (counts[request.what] ??= {});
    ofKind[outcome] = (ofKind[outcome] ?? 0) + 1;
    if (outcome.startsWith("503")) await delay(1_000);
  }
}

/** Status, and the code of a 503. */
function post({ path, body }: LargeRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "idempotency-key": randomUUID() };
    const request = http.request(new URL(path, base), { method: "POST", headers, agent }, (response) => {
      const status = response.statusCode ?? 0;
      let start = "";
      response.on("data", (chunk: Buffer) => {
        if (status === 503) start += chunk.toString();
      });
      response.on("end", () => resolve(`${status} ${/"detail":"(\w+)"/.exec(start)?.[1] ?? ""}`.trim()));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

await Promise.all(Array.from({ length: Number(clients) }, call));
agent.destroy();
process.send?.(counts);
process.disconnect();
