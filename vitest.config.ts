import { defineConfig } from "vitest/config";

/** Unit tests touch no data; the others share one PostgreSQL server per run, with a database for each file. */
const withDatabase = { globalSetup: ["tests/support/global-setup.ts"] };

function project(name: string, limits: { testTimeout: number; hookTimeout: number }, more = {}) {
  return {
    extends: true as const,
    test: { name, include: [`tests/${name}/**/*.test.ts`], ...limits, ...more },
  };
}

export default defineConfig({
  test: {
    environment: "node",
    pool: "forks",
    fileParallelism: true,
    maxWorkers: 3, // the files mostly wait for the disk, so one more than there are usual cores
    allowOnly: false,
    passWithNoTests: false,
    projects: [
      project("unit", { testTimeout: 30_000, hookTimeout: 30_000 }),
      project("integration", { testTimeout: 60_000, hookTimeout: 60_000 }, withDatabase),
      project("e2e", { testTimeout: 120_000, hookTimeout: 120_000 }, withDatabase),
      project("faults", { testTimeout: 180_000, hookTimeout: 120_000 }, withDatabase),
    ],
  },
});
