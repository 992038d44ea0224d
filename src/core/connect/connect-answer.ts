import type { HttpAnswer } from "./connect-http.ts";
import { asObject, asText, parseJson } from "./json-shape.ts";

/** What an answer means for the request that it answers. */
export type ConnectVerdict =
  | { readonly kind: "final"; readonly reply: ConnectReply }
  /** Not carried out: the same request may work a little later. */
  | { readonly kind: "retry"; readonly reason: string }
  /** Carried out or not, nobody knows: to be looked up before it is sent again. */
  | { readonly kind: "doubt"; readonly reason: string };

export type ConnectReply = {
  readonly status: number;
  /** The body as JSON; undefined when it is none (a page of a proxy, nothing at all). */
  readonly body: unknown;
  /** Connect's own message, or what a page says in short. */
  readonly message: string;
};

const textMax = 300;

/** Reads an answer of Connect, or of a proxy in front of it. Pure. */
export function connectVerdict(answer: HttpAnswer): ConnectVerdict {
  if (answer.kind === "unanswered") {
    return { kind: answer.inDoubt ? "doubt" : "retry", reason: answer.reason };
  }
  const reply = replyOf(answer.status, answer.text);
  const reason = `it answered ${reply.status}: ${reply.message}`;
  switch (reply.status) {
    case 404:
      // While Connect starts, its web server answers so by itself, in another form.
      return isConnectError(reply) ? { kind: "final", reply } : { kind: "retry", reason };
    case 409:
      // The one conflict that waiting does not end.
      if (/already exists/i.test(reply.message)) return { kind: "final", reply };
      return { kind: "retry", reason };
    case 408:
    case 429:
      return { kind: "retry", reason };
    case 500:
      return /timed out|forward(ing)? REST request/i.test(reply.message)
        ? { kind: "doubt", reason }
        : { kind: "final", reply };
    case 502:
    case 503:
    case 504:
      return { kind: "doubt", reason };
    default:
      return { kind: "final", reply };
  }
}

/** Status, body and message of an answer. Pure. */
export function replyOf(status: number, text: string): ConnectReply {
  const body = parseJson(text);
  const message = asText(asObject(body)?.["message"]) ?? pageText(text);
  return { status, body, message: message === "" ? "nothing" : message };
}

/** True for an error in Connect's own form; a 404 of another server is none. */
export function isConnectError({ body }: ConnectReply): boolean {
  return asObject(body)?.["error_code"] !== undefined;
}

/** The title and the words of an HTML page, or the text itself, cut to a readable length. */
function pageText(text: string): string {
  const isPage = /<html|<!doctype|<body|<h1/i.test(text);
  const title = /<title[^>]*>([^<]*)</i.exec(text)?.[1]?.trim() ?? "";
  const words = isPage
    ? text.replace(/<(script|style|title)[\s\S]*?<\/\1>/gi, " ").replace(/<[^>]*>/g, " ")
    : text;
  const plain = words.replace(/\s+/g, " ").trim();
  // The heading usually repeats the title.
  const shown = plain.startsWith(title) ? plain : `${title}: ${plain}`;
  const whole = isPage ? `a web page (${shown})` : plain;
  return whole.length > textMax ? `${whole.slice(0, textMax)}…` : whole;
}
