import type { FastifyInstance } from "fastify";
import { messageOf } from "../error-message.ts";

/** Listens, and returns the address with the port that it was given. Throws an Error that names the variable to set. */
export async function listen(
  app: FastifyInstance,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw new Error(listenFault(error, host, port), { cause: error });
  }
  return addressOf(app);
}

function listenFault(error: unknown, host: string, port: number): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE")
    return `PORT ${port} is already in use on ${host}: stop what listens there, or set PORT`;
  if (code === "EACCES")
    return `PORT ${port} may not be listened on by this user: set PORT to one above 1023`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") return `HOST ${host} is no address of this machine`;
  return messageOf(error);
}

function addressOf(app: FastifyInstance): string {
  const address = app.server.address();
  if (address === null || typeof address === "string") throw new Error("the service listens on no port");
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}

/** Stops accepting, lets requests under way end within the grace period, then cuts their connections. */
export async function closeWithin(app: FastifyInstance, graceMs: number, hurry: AbortSignal): Promise<void> {
  const cut = () => app.server.closeAllConnections();
  const timer = setTimeout(cut, hurry.aborted ? 0 : graceMs);
  hurry.addEventListener("abort", cut, { once: true });
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
    hurry.removeEventListener("abort", cut);
  }
}
