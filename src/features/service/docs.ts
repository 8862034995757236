import helmet from "@fastify/helmet";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyPluginAsync } from "fastify";
import { LOGO_BANNER, LOGO_FILE } from "../../platform/html/logo.ts";
import { sendPage } from "../../platform/http/pages.ts";
import { JSON_TYPE } from "../../platform/http/problem.ts";
import { startPage } from "./start-page.ts";

/**
 * What would have a browser ask for https is left out: whether there is any, only the proxy ahead of this port knows. Without
 * it, the page would stay white under every name but those of this machine.
 */
const PAGE_HEADERS = {
  contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
  strictTransportSecurity: false,
};

export type DocsOptions = { readonly isPublic: boolean; readonly version: string };

const SVG_TYPE = "image/svg+xml";

const APPEARANCE = {
  theme: {
    title: "Ballast",
    favicon: [{ filename: "logo.svg", rel: "icon", sizes: "any", type: SVG_TYPE, content: LOGO_FILE }],
  },
  logo: { type: SVG_TYPE, content: Buffer.from(LOGO_BANNER), href: "/", target: "_self" as const },
};

/** A page to start from at `/`, the OpenAPI document at `/openapi.json`, and at `/docs` as pages to try it on. */
export const docs: FastifyPluginAsync<DocsOptions> = async (app, { isPublic, version }) => {
  const scope = isPublic ? "public" : "authenticated";
  app.addHook("onRoute", (route) => {
    Object.assign(route, { config: { ...route.config, scope } });
  });
  const start = startPage(version);
  app.get("/", { schema: { hide: true } }, (_request, reply) => sendPage(reply, start));
  let text: string | undefined;
  app.get("/openapi.json", { schema: { hide: true } }, (_request, reply) => {
    text ??= JSON.stringify(app.swagger());
    return reply.type(JSON_TYPE).send(text);
  });
  await app.register(async (pages) => {
    await pages.register(helmet, PAGE_HEADERS);
    await pages.register(swaggerUi, { routePrefix: "/docs", ...APPEARANCE });
  });
};
