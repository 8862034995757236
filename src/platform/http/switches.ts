import type { FeatureApp } from "./validation.ts";

/**
 * Puts the routes of a plugin behind a switch: where it is off, each answers 404 with the code of the group. Called ahead
 * of the routes, whose documentation says so.
 */
export function addSwitch(app: FeatureApp, isOn: boolean, code: string): void {
  const refusal = { status: 404, detail: code };
  app.addHook("onRoute", (route) => {
    const { config } = route;
    if (config !== undefined) route.config = { ...config, problems: [...(config.problems ?? []), refusal] };
  });
  app.addHook("onRequest", (_request, reply, next) => {
    if (isOn) next();
    else reply.problem(refusal);
  });
}
