import { runProcess } from "./process.ts";
import { startWorkerAlone } from "./start.ts";

await runProcess({
  start: startWorkerAlone,
  greeting: () => "Ballast works on operations",
});
