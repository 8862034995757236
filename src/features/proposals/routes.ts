import { behindSwitch, type Route } from "../../platform/http/route.ts";
import { readRoutes } from "./read-routes.ts";
import type { ProposalRouteDeps } from "./route-parts.ts";
import { simulationRoutes } from "./simulation-routes.ts";
import { configRoute, supportRoutes } from "./support-routes.ts";
import { writeRoutes } from "./write-routes.ts";

export type { ProposalRouteDeps } from "./route-parts.ts";

/** All routes of advisory proposals but the asynchronous ones. */
export function proposalRoutes(deps: ProposalRouteDeps): Route[] {
  const { isLifecycleEnabled, areSupportApisEnabled } = deps.switches;
  const support = behindSwitch(areSupportApisEnabled, "PROPOSAL_SUPPORT_APIS_DISABLED", supportRoutes(deps));
  return [
    ...simulationRoutes(deps),
    ...behindSwitch(isLifecycleEnabled, "PROPOSAL_WORKFLOW_LIFECYCLE_DISABLED", [
      ...writeRoutes(deps),
      ...readRoutes(deps),
      ...support,
    ]),
    configRoute(deps),
  ];
}
