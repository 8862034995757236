import { pino, type Logger } from "pino";

export type Log = Logger;

/** What a log line about an error holds: driver errors carry statements and their values, which stay out. */
type LoggedError = {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
};

/** Causes of causes; a longer chain tells nothing new. */
const MOST_CAUSES = 5;

/** Fields that hold secrets or clients' data, should a line ever get them. */
const REDACTED = [
  "authorization",
  "cookie",
  "password",
  "token",
  "secret",
  "body",
  "*.authorization",
  "*.cookie",
  "*.password",
  "*.token",
  "*.secret",
  "*.body",
  "*.headers",
];

/** JSON lines on standard output, or into `destination`. */
export function createLog(level: string, destination?: { write: (line: string) => void }): Log {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: (error: unknown) => describeError(error) },
    redact: { paths: REDACTED, censor: "[redacted]" },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Its type, message, code and stack, and those of its causes; no other property of it. */
export function describeError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error))
    return { type: typeof error, message: "something else than an Error was thrown" };
  const code = "code" in error && typeof error.code === "string" ? { code: error.code } : {};
  const stack = error.stack === undefined ? {} : { stack: withoutUrlPasswords(error.stack) };
  const cause =
    error.cause === undefined || depth >= MOST_CAUSES ? {} : { cause: describeError(error.cause, depth + 1) };
  return { type: error.name, message: withoutUrlPasswords(error.message), ...code, ...stack, ...cause };
}

function withoutUrlPasswords(text: string): string {
  return text.replace(/(\w+:\/\/[^\s:@/]*):[^\s@/]*@/g, "$1:[redacted]@");
}
