import { createPublicKey } from "node:crypto";
import fp from "fastify-plugin";
import type { Log } from "../../log.ts";
import type { Metrics } from "../../metrics.ts";
import { authentication } from "./authentication.ts";
import { authorization } from "./authorization.ts";
import { DEVELOPMENT_ALGORITHM, developmentKey } from "./development-key.ts";
import { issuerKeys, keyOf, keyOfFile, type TokenKeys } from "./keys.ts";
import { ownHosts } from "./own-hosts.ts";
import { rateLimits } from "./rate-limit.ts";
import type { AuthSettings, JwtSettings } from "./settings.ts";

export type AuthOptions = {
  readonly settings: AuthSettings;
  /** Of each caller; 0: no limit. */
  readonly requestsPerMinute: number;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "unauthenticated">;
};

/** Who asks, whether they ask too much, and whether they may. */
export const auth = fp<AuthOptions>(
  async (app, { settings, requestsPerMinute, log, metrics }) => {
    if (settings.mode === "jwt") {
      await app.register(authentication, { settings, keys: openKeys(settings, log), log, metrics });
    } else {
      app.addHook("onListen", () => {
        log.warn(
          "AUTH_MODE=none: whoever reaches this port may do everything, in any name and for any tenant",
        );
      });
      await app.register(ownHosts, settings);
    }
    await app.register(rateLimits, { perMinute: requestsPerMinute, mode: settings.mode });
    await app.register(authorization);
  },
  { name: "auth" },
);

/** Throws an Error that names the variable to set. */
function openKeys({ keys, algorithms }: JwtSettings, log: Log): TokenKeys {
  switch (keys.from) {
    case "issuer":
      return issuerKeys(new URL(keys.url), { algorithms, log });
    case "file":
      return keyOfFile(keys.path, algorithms);
    case "development":
      return keyOf(createPublicKey(developmentKey(keys.path)), [DEVELOPMENT_ALGORITHM]);
  }
}
