import * as z from "zod";
import { keyed } from "../../platform/http/context.ts";
import { writeProblems } from "../../platform/http/idempotent-reply.ts";
import { holdOfStream } from "../../platform/http/request-body.ts";
import { switchGroup } from "../../platform/http/switches.ts";
import type { FeaturePlugin } from "../../platform/http/validation.ts";
import { wholeText } from "../../platform/text-parts.ts";
import type { Runtime } from "../../runtime.ts";
import { POLICY_PACK_UNKNOWN } from "../policies/core.ts";
import { addPortfolios } from "./add-portfolios.ts";
import { changeWave } from "./change-wave.ts";
import type { WaveAction } from "./core/states.ts";
import { createWave } from "./create-wave.ts";
import { CREATE_EXAMPLE, PORTFOLIOS_EXAMPLE } from "./examples.ts";
import { ACTION_SCOPES, ADD_SCOPE, CREATE_SCOPE, refused, WAVE_NOT_FOUND } from "./names.ts";
import { reads } from "./read-plugin.ts";
import * as schemas from "./route-schemas.ts";

type Options = Pick<Runtime, "config">;

/** What a route holds of its body at a time: a batch of portfolios, and what becomes of it. */
const HELD_OF_BODY = 4 * 1_048_576;

/** Waves: many portfolios at once, and how far they are. */
export const waves: FeaturePlugin<Options> = async (app, options) => {
  const { areWavesEnabled } = options.config.rebalance;
  const { maxWaveBodyBytes: bodyLimit, verifyDeadlineMs: deadlineMs } = options.config.server;
  switchGroup(app, areWavesEnabled, "DPM_WAVES_DISABLED");

  app.post(
    "/rebalance/waves",
    {
      schema: schemas.createWave,
      bodyLimit,
      config: {
        scope: "waves:run",
        idempotencyKey: "required",
        deadlineMs,
        problems: [...writeProblems(CREATE_SCOPE), refused("WAVE_ITEM_EXISTS"), POLICY_PACK_UNKNOWN],
        bodyExample: CREATE_EXAMPLE,
      },
    },
    async ({ runtime, context, body, bodyShare, deadline }, reply) => {
      holdOfStream(bodyShare, HELD_OF_BODY);
      const outcome = await createWave(runtime, keyed(context), body, deadline.signal);
      if (outcome.kind === "answered" && outcome.answer.status === 201) {
        const { wave_id } = Created.parse(JSON.parse(wholeText(outcome.answer.body)));
        void reply.header("location", `/rebalance/waves/${wave_id}`);
      }
      return reply.written(CREATE_SCOPE, outcome);
    },
  );

  app.post(
    "/rebalance/waves/:wave_id/portfolios",
    {
      schema: schemas.addPortfolios,
      bodyLimit,
      config: {
        scope: "waves:run",
        idempotencyKey: "required",
        deadlineMs,
        problems: [
          ...writeProblems(ADD_SCOPE),
          WAVE_NOT_FOUND,
          refused("WAVE_INVALID_STATE"),
          refused("WAVE_FULL"),
          refused("WAVE_ITEM_EXISTS"),
        ],
        bodyExample: PORTFOLIOS_EXAMPLE,
      },
    },
    async ({ runtime, context, params, body, bodyShare, deadline }, reply) => {
      holdOfStream(bodyShare, HELD_OF_BODY);
      const { signal } = deadline;
      const outcome = await addPortfolios(runtime, keyed(context), params.wave_id, body, signal);
      return reply.written(ADD_SCOPE, outcome);
    },
  );

  for (const action of ACTIONS) await app.register(changes, { action });
  await app.register(reads, options);
};

/** As much of the answer of a creation as names it, stored or new. */
const Created = z.object({ wave_id: z.string() });

const ACTIONS = ["start", "pause", "resume", "cancel", "retry-failed"] as const;

const changes: FeaturePlugin<{ readonly action: WaveAction }> = (app, { action }) => {
  const scope = ACTION_SCOPES[action];
  app.post(
    `/rebalance/waves/:wave_id/${action}`,
    {
      schema: schemas.changeWave(action),
      config: {
        scope: "waves:run",
        idempotencyKey: "required",
        bodyMayBeAbsent: true,
        problems: [
          ...writeProblems(scope),
          WAVE_NOT_FOUND,
          refused("WAVE_INVALID_STATE"),
          ...(action === "start" ? [refused("WAVE_EMPTY")] : []),
        ],
        bodyExample: { actor_id: "desk.lee", reason: "checked" },
      },
    },
    async ({ runtime, context, params, body: request }, reply) => {
      const change = { waveId: params.wave_id, action, request };
      return reply.written(scope, await changeWave(runtime, keyed(context), change));
    },
  );
  return Promise.resolve();
};
