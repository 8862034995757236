import * as z from "zod";
import { cursorOf, TimePosition } from "../../platform/http/cursor.ts";
import { EVENT_STREAM_TYPE } from "../../platform/http/event-stream.ts";
import {
  cursorFilter,
  filters,
  fromFilter,
  limitFilter,
  nameFilter,
  oneOfFilter,
  pathParams,
  toFilter,
} from "../../platform/http/filters.ts";
import { answer, anyText, headerDocs } from "../../platform/http/route-docs.ts";
import { StreamedBody } from "../../platform/http/streamed-body.ts";
import { RunStatus } from "../../contract/rules.ts";
import type { WaveAction } from "./core/states.ts";
import { CREATE_LINES, PORTFOLIO_LINES } from "./examples.ts";
import {
  WaveActionRequest,
  WaveCreateRequest,
  WaveEventListResponse,
  WaveItemListResponse,
  WaveItemStatus,
  WaveListResponse,
  WavePortfoliosRequest,
  WaveResponse,
  WaveState,
  WaveVerificationResponse,
} from "./schemas.ts";

const tags = ["Waves"];
const params = pathParams("wave_id");
const wave = answer("The wave.", WaveResponse);

export const waveCursor = cursorOf("waves", TimePosition);
export const itemCursor = cursorOf("wave items", z.string().regex(/^[^\p{Cc}\p{Cs}]{1,300}$/u));
export const eventCursor = cursorOf("wave events", z.int().min(1).max(2_147_483_647));

const BODY =
  "A portfolio that is wrong is that item's failure (VALIDATION_FAILED), with its places, once it is its turn; a key that two items have refuses the whole request. As `application/x-ndjson` a line is a portfolio. The body is read as it comes: it has at most MAX_WAVE_BODY_BYTES, each portfolio MAX_BODY_BYTES, and all of it is to arrive within 20 seconds.";

export const createWave = {
  operationId: "createWave",
  tags,
  summary: "Create a wave: many portfolios against one set of market data, model and shelf",
  description: `It is in DRAFT until it is started. The policy pack is selected now, and its version used for every item. As \`application/x-ndjson\` the first line is the wave without its portfolios. ${BODY}`,
  headers: headerDocs({
    "X-Policy-Pack-Id": "The policy pack that shapes the runs.",
    "X-Tenant-Policy-Pack-Id": "The tenant's default pack, where the request names none.",
  }),
  body: new StreamedBody(WaveCreateRequest, {
    description: "First a WaveCreateRequest without portfolios, then a WavePortfolio a line.",
    example: CREATE_LINES,
  }),
  response: { 201: answer("The wave in DRAFT; `Location` names it.", WaveResponse) },
};

export const addPortfolios = {
  operationId: "addWavePortfolios",
  tags,
  summary: "Add 1 to 5,000 portfolios to a wave in DRAFT, all or none",
  description: `A wave has at most 100,000. ${BODY}`,
  params,
  body: new StreamedBody(WavePortfoliosRequest, {
    description: "A WavePortfolio a line.",
    example: PORTFOLIO_LINES,
  }),
  response: { 200: wave },
};

type ActionDocs = {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
};

const ACTIONS: Readonly<Record<WaveAction, ActionDocs>> = {
  start: {
    operationId: "startWave",
    summary: "Start a wave in DRAFT",
    description:
      "From now on every process takes items of it. It takes no more portfolios, and ends by itself: COMPLETED, or COMPLETED_WITH_FAILURES where an item failed.",
  },
  pause: {
    operationId: "pauseWave",
    summary: "Pause a running wave: it starts no new item, what is under way ends",
    description: "Once this is answered no item begins. `counts` may still change while items end.",
  },
  resume: {
    operationId: "resumeWave",
    summary: "Go on with a paused wave",
    description: "One of which nothing was left to do is over at once.",
  },
  cancel: {
    operationId: "cancelWave",
    summary: "Cancel a wave: it starts no new item, what is under way ends",
    description:
      "What nobody had started is CANCELLED, of a large wave a portion now and the rest soon after. Runs that were made stay.",
  },
  "retry-failed": {
    operationId: "retryFailedWaveItems",
    summary: "Run the failed items of a completed wave again",
    description:
      "The wave is RUNNING until they have ended again; what is wrong with a portfolio stays wrong.",
  },
};

export function changeWave(action: WaveAction) {
  return { ...ACTIONS[action], tags, params, body: WaveActionRequest, response: { 200: wave } };
}

export const listWaves = {
  operationId: "listWaves",
  tags,
  summary: "Waves, newest first",
  description:
    "Each with how far it is, and without the sums over its runs. `from` and `to` filter by creation.",
  querystring: filters({
    state: oneOfFilter(WaveState),
    created_by: nameFilter,
    from: fromFilter,
    to: toFilter,
    limit: limitFilter(200, 50),
    cursor: cursorFilter(waveCursor),
  }),
  response: { 200: answer("One page of waves.", WaveListResponse) },
};

export const getWave = {
  operationId: "getWave",
  tags,
  summary: "A wave: how far it is, and the sums over its runs, exact as of one moment",
  description:
    "Counts and sums are those of the runs that were committed at `as_of`. `items_per_second` counts from when the wave began to run last.",
  params,
  response: { 200: wave },
};

const itemFilters = {
  status: oneOfFilter(WaveItemStatus),
  run_status: oneOfFilter(RunStatus),
  item_key: nameFilter,
};

export const listWaveItems = {
  operationId: "listWaveItems",
  tags,
  summary: "The items of a wave, in the order of their keys",
  description:
    "Byte order, whatever letters the keys have. `error` says why an item failed, with the places of what is wrong as if its portfolio had been sent alone.",
  params,
  querystring: filters({ ...itemFilters, limit: limitFilter(1_000, 50), cursor: cursorFilter(itemCursor) }),
  response: { 200: answer("One page of items.", WaveItemListResponse) },
};

export const exportWaveItems = {
  operationId: "exportWaveItems",
  tags,
  summary: "The items of a wave as a file",
  description: "All of them, streamed, in the order of their keys; the filters are those of the list.",
  params,
  querystring: filters(itemFilters),
  response: {
    200: answer("RFC 4180, one line an item.", z.string(), {
      mediaType: "text/csv",
      example: "item_key,portfolio_id,status,…",
    }),
  },
};

export const watchWave = {
  operationId: "watchWave",
  tags,
  summary: "The progress of a wave as server-sent events",
  description:
    "A `progress` event whenever something has changed, at most every 500 ms, with what the list of waves shows of it, and an `end` event when the wave is over. The stream ends ahead of its deadline: a reader that comes back with `Last-Event-ID` goes on from there; one that has seen the end is answered 204.",
  params,
  headers: { "Last-Event-ID": anyText("The id of the last event that was seen.") },
  response: {
    200: answer("The events.", z.string(), {
      mediaType: EVENT_STREAM_TYPE,
      example: "id: 3-120-20\nevent: progress\ndata: {}\n\n",
    }),
    204: answer("Nothing comes any more."),
  },
};

export const listWaveEvents = {
  operationId: "listWaveEvents",
  tags,
  summary: "The history of a wave, oldest first",
  description:
    "Each event has the hash of the one before it. `items_hash`, of the last, is over the key, run and result hash of every item.",
  params,
  querystring: filters({ limit: limitFilter(200, 50), cursor: cursorFilter(eventCursor) }),
  response: { 200: answer("One page of events.", WaveEventListResponse) },
};

export const verifyWave = {
  operationId: "verifyWave",
  tags,
  summary: "Recompute the chain of a wave and the hash over its items, and name what does not hold",
  description:
    "Also that what was sent is unaltered, that the counts are those of the items, and that each item and its run say the same.",
  params,
  response: { 200: answer("What was checked, and what failed.", WaveVerificationResponse) },
};
