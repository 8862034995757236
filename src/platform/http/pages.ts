import type { FastifyReply } from "fastify";
import type { StyleSheet } from "../html/page.ts";

type SentPage = {
  readonly text: string;
  readonly style: StyleSheet;
  /** BCP 47. */
  readonly language: string;
};

/** Answers with a page, which may do what its style sheet needs and nothing more. */
export function sendPage(reply: FastifyReply, { text, style, language }: SentPage): FastifyReply {
  return reply
    .headers({
      "content-language": language,
      "content-security-policy": style.policy,
      "referrer-policy": "no-referrer",
    })
    .type("text/html; charset=utf-8")
    .answer(text);
}

/** Says that the answer would be another one for another value of this request header. */
export function varyBy(reply: FastifyReply, name: string): void {
  const others = reply.getHeader("vary");
  void reply.header("vary", others === undefined ? name : `${String(others)}, ${name}`);
}
