import type { ErrorCode } from "../../contract/error-codes.ts";
import type { FeatureApp } from "./validation.ts";

/**
 * Puts the routes of a plugin behind a switch: where it is off, each answers 404 with the code of the group. Called ahead
 * of the routes, whose documentation says so.
 */
export function switchGroup(app: FeatureApp, isOn: boolean, code: ErrorCode): void {
  const off = { status: 404, detail: code };
  app.addHook("onRoute", (route) => {
    route.config = { ...route.config, problems: [...(route.config?.problems ?? []), off] };
  });
  app.addHook("onRequest", (_request, reply, next) => {
    if (isOn) next();
    else reply.problem(off);
  });
}
