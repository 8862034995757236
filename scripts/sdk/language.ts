/** A language that a client is generated for. */
export type Language = {
  readonly name: string;
  readonly generator: string;
  /** Programs that have to be there, each with parameters that it ends well with. */
  readonly tools: readonly (readonly [string, ...string[]])[];
  /** Writes the client into `sdk/`. */
  readonly generate: (version: string) => void | Promise<void>;
  /** Compiles it, and the story of `scripts/sdk/stories` with it. */
  readonly compile: () => void;
  /** The program that tells the story. */
  readonly story: () => readonly [program: string, parameters: readonly string[]];
};
