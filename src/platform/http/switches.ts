import type { onRequestHookHandler, onRouteHookHandler } from "fastify";
import type { ErrorCode } from "../../contract/error-codes.ts";

type Hooked = {
  addHook: ((name: "onRequest", hook: onRequestHookHandler) => unknown) &
    ((name: "onRoute", hook: onRouteHookHandler) => unknown);
};

/**
 * Lets a switch turn off the routes that are registered below this plugin: each then answers 404 with the group's code,
 * and says so in its documentation.
 */
export function switchGroup(app: Hooked, isOn: boolean, code: ErrorCode): void {
  const off = { status: 404, detail: code };
  app.addHook("onRoute", (route) => {
    route.config = { ...route.config, problems: [...(route.config?.problems ?? []), off] };
  });
  app.addHook("onRequest", (_request, reply, next) => {
    if (isOn) next();
    else reply.problem(off);
  });
}
