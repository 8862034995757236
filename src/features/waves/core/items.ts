import { canonicalJson } from "../../../platform/json/canonical-json.ts";
import { joinObject } from "../../../platform/json/join-json.ts";
import type { ItemRow } from "../repository/items.ts";
import type { ItemError } from "../repository/leases.ts";

export const ITEM_LOST: ItemError = {
  code: "WAVE_WORKER_LOST",
  message: "every process that worked on it stopped before it was done",
  errors_text: null,
};

export const ITEM_FAILED: ItemError = {
  code: "INTERNAL_ERROR",
  message: "an unforeseen error ended the calculation",
  errors_text: null,
};

export const DATABASE_AWAY: ItemError = {
  code: "DATABASE_UNAVAILABLE",
  message: "the database could not take the result",
  errors_text: null,
};

export function invalidPortfolio(faultsText: string): ItemError {
  return {
    code: "VALIDATION_FAILED",
    message: "the portfolio is not as the contract wants it",
    errors_text: faultsText,
  };
}

/** What an item shows. An attempt that is followed by another shows no error: only FAILED does. */
export function itemText(item: ItemRow): string {
  return joinObject({
    item_key: canonicalJson(item.item_key),
    portfolio_id: canonicalJson(item.portfolio_id),
    status: canonicalJson(item.status),
    rebalance_run_id: canonicalJson(item.rebalance_run_id),
    run_status: canonicalJson(item.run_status),
    error: errorText(item),
    attempts: canonicalJson(item.attempt),
    started_at: canonicalJson(item.started_at),
    finished_at: canonicalJson(item.finished_at),
  });
}

function errorText({ status, error_code, error_message, errors_text }: ItemRow): string {
  if (status !== "FAILED" || error_code === null) return "null";
  return joinObject({
    code: canonicalJson(error_code),
    message: canonicalJson(error_message),
    errors: errors_text ?? "null",
  });
}

/** The first line of the file of all items. */
export const CSV_HEADER =
  "item_key,portfolio_id,status,rebalance_run_id,run_status,error_code,error_message,errors,attempts,started_at,finished_at\r\n";

/** A line of that file (RFC 4180). */
export function csvLine(item: ItemRow): string {
  const isFailed = item.status === "FAILED";
  const values = [
    item.item_key,
    item.portfolio_id,
    item.status,
    item.rebalance_run_id,
    item.run_status,
    isFailed ? item.error_code : null,
    isFailed ? item.error_message : null,
    isFailed ? item.errors_text : null,
    String(item.attempt),
    item.started_at,
    item.finished_at,
  ];
  return `${values.map(csvValue).join(",")}\r\n`;
}

function csvValue(value: string | null): string {
  if (value === null) return "";
  return /[",\r\n]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
