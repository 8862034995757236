import type { onRequestHookHandler } from "fastify";

/** A hook for the plugin of a group of routes that a switch turns off: each then answers 404 with the group's code. */
export function switchedBy(isOn: boolean, code: string): onRequestHookHandler {
  return (_request, reply, next) => {
    if (isOn) next();
    else reply.problem({ status: 404, detail: code });
  };
}
