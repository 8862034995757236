import { runProcess } from "./process.ts";
import { startService } from "./start.ts";

await runProcess({
  start: startService,
  greeting: ({ url }) => `Ballast listens on ${url}, its documentation is at ${url}/docs`,
});
