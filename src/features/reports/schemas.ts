import * as z from "zod";
import { filters, integerFilter, pathParams } from "../../platform/http/filters.ts";
import { answer, type HeaderDocs } from "../../platform/http/route-docs.ts";

const EXAMPLE =
  '<!doctype html><html lang="en"><head><title>Income for the Keller family – Advisory proposal</title>…';

const page = answer("The report.", z.string(), { mediaType: "text/html", example: EXAMPLE });

const headers: HeaderDocs = {
  "Accept-Language": {
    type: "string",
    description:
      "English or German, and how numbers and dates are written: `en`, `en-GB`, `en-US`, `de`, `de-CH`, `de-AT`.",
  },
};

const DESCRIPTION =
  "An HTML page to read and to print, made from the stored artifact alone: allocation before, after and in the model, trades and funding, turnover and tax, findings, who approved what and for which version, hashes, disclosures, and what verification says at this moment. It has no script and loads nothing. What the deployment has switched off is left out, and the page says so.";

/** A version number is PostgreSQL's integer. */
const MOST_VERSION_NO = 2_147_483_647;

export const getProposalReport = {
  operationId: "getProposalReport",
  tags: ["Proposals"],
  summary: "A version of a proposal as a page, by default the current one",
  description: DESCRIPTION,
  headers,
  params: pathParams("proposal_id"),
  querystring: filters({ version_no: integerFilter(1, MOST_VERSION_NO).optional() }),
  response: { 200: page },
};

export const getRunReport = {
  operationId: "getRunReport",
  tags: ["Runs"],
  summary: "A run as a page",
  description: DESCRIPTION,
  headers,
  params: pathParams("rebalance_run_id"),
  response: { 200: page },
};

const WAVE_EXAMPLE =
  '<!doctype html><html lang="en"><head><title>Model change of November – Wave of rebalances</title>…';

export const getWaveReport = {
  operationId: "getWaveReport",
  tags: ["Waves"],
  summary: "A wave as a page",
  description:
    "An HTML page to read and to print, as of the moment that it names: progress, portfolios and runs by status, turnover, gains and losses, cash and exchange by currency, the largest trades, what failed and why, the history, hashes, and, once nothing of the wave is under way, what verification says. It has no script and loads nothing.",
  headers,
  params: pathParams("wave_id"),
  response: {
    200: answer("The report.", z.string(), { mediaType: "text/html", example: WAVE_EXAMPLE }),
  },
};
