import * as z from "zod";

export const Liveness = z
  .strictObject({ status: z.literal("ok"), version: z.string() })
  .meta({ id: "Liveness" });
export type Liveness = z.output<typeof Liveness>;

/** `checks` says of each thing that readiness needs whether it is there; `reason` why not. */
export const Readiness = z
  .strictObject({
    status: z.enum(["ready", "not_ready"]),
    checks: z.array(z.strictObject({ name: z.string(), ok: z.boolean(), reason: z.string().nullable() })),
  })
  .meta({ id: "Readiness" });
export type Readiness = z.output<typeof Readiness>;
