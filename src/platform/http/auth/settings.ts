import type { Algorithm } from "./keys.ts";
import type { TokenSettings } from "./verify-token.ts";

/** Without tokens, everyone who reaches the port is trusted; so that no web page is, it looks where requests come from. */
export type OpenSettings = {
  readonly mode: "none";
  readonly allowedHosts: readonly string[];
  /** Pages of these origins may call. */
  readonly allowedOrigins: readonly string[];
};

export type JwtSettings = TokenSettings & {
  readonly mode: "jwt";
  readonly algorithms: readonly Algorithm[];
  readonly keys: KeySource;
};

export type KeySource =
  | { readonly from: "issuer"; readonly url: string }
  | { readonly from: "file"; readonly path: string }
  /** The key that `npm run token` signs with, made on first use. */
  | { readonly from: "development"; readonly path: string };

export type AuthSettings = OpenSettings | JwtSettings;
