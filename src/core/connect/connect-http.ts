import { Buffer } from "node:buffer";
import { request as httpRequest } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { rootCertificates } from "node:tls";
import { messageOf } from "../../errors.ts";

/** How Kafka Connect is reached. */
export type ConnectAccess = {
  /** `http://host:port`, a path before Connect's own included. */
  readonly url: string;
  /** Basic authentication; null: none. */
  readonly username: string | null;
  readonly password: string | null;
  /** PEM text of certificates to trust beside the usual ones, or null. */
  readonly ca: string | null;
  /** Longer than Connect's own limit (90 s), so that it is Connect that gives up first. */
  readonly requestTimeoutMs: number;
};

export type HttpCall = {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Below the URL, with its query. */
  readonly path: string;
  /** Sent as JSON; undefined: no body. */
  readonly body?: unknown;
};

export type HttpAnswer =
  | { readonly kind: "answered"; readonly status: number; readonly text: string }
  /** `inDoubt`: the request may have been carried out all the same. */
  | { readonly kind: "unanswered"; readonly inDoubt: boolean; readonly reason: string };

/** Bytes of an answer at most; the list of all connectors is the longest there is. */
const answerBytesMax = 64 * 1024 * 1024;

/** Failures before a request was sent. */
const notSent = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|CERT|certificate/;

/**
 * One request to Kafka Connect, without retries. `node:http`, not `fetch`: it takes a CA of our own
 * on every runtime, and no proxy of the environment comes between us and a host of the inner network.
 * Throws only when `signal` is aborted.
 */
export async function callHttp(
  access: ConnectAccess,
  call: HttpCall,
  { signal, timeoutMs }: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<HttpAnswer> {
  signal.throwIfAborted();
  const ended = new AbortController();
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    ended.abort();
  }, timeoutMs);
  const onAbort = (): void => ended.abort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await send(access, call, ended.signal);
  } catch (error) {
    signal.throwIfAborted();
    if (timedOut) {
      const reason = `no answer within ${timeoutMs / 1000} s`;
      return { kind: "unanswered", inDoubt: true, reason };
    }
    const reason = reasonOf(error);
    return { kind: "unanswered", inDoubt: !notSent.test(reason), reason };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

function send(access: ConnectAccess, call: HttpCall, signal: AbortSignal): Promise<HttpAnswer> {
  const url = new URL(`${access.url.replace(/\/+$/, "")}${call.path}`);
  const body = call.body === undefined ? null : Buffer.from(JSON.stringify(call.body));
  const options: RequestOptions = {
    method: call.method,
    signal,
    // A connection of its own each time: a kept one that the server has closed looks like a doubt.
    agent: false,
    headers: {
      accept: "application/json",
      ...(body === null
        ? {}
        : { "content-type": "application/json", "content-length": body.length }),
      ...authorization(access),
    },
    ...(access.ca === null ? {} : { ca: [...rootCertificates, access.ca] }),
  };
  return new Promise((resolve, reject) => {
    const open = url.protocol === "https:" ? httpsRequest : httpRequest;
    const request = open(url, options, (response) => {
      const parts: Uint8Array[] = [];
      let bytes = 0;
      response.on("data", (part: Uint8Array) => {
        parts.push(part);
        bytes += part.length;
        if (bytes > answerBytesMax) request.destroy(new Error("the answer is too long"));
      });
      response.on("error", reject);
      response.on("aborted", () => reject(new Error("the connection was cut")));
      response.on("end", () => {
        const text = Buffer.concat(parts).toString("utf8");
        resolve({ kind: "answered", status: response.statusCode ?? 0, text });
      });
    });
    request.on("error", reject);
    request.end(body ?? undefined);
  });
}

function authorization({ username, password }: ConnectAccess): Record<string, string> {
  if (username === null) return {};
  const pair = Buffer.from(`${username}:${password ?? ""}`, "utf8").toString("base64");
  return { authorization: `Basic ${pair}` };
}

function reasonOf(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error
    ? String(error.code)
    : "";
  const errors = error instanceof AggregateError ? error.errors.map(messageOf) : [];
  const message = [messageOf(error), ...errors].filter((text) => text !== "").join("; ");
  if (message === "") return code === "" ? "the connection failed" : code;
  return code === "" || message.includes(code) ? message : `${message} (${code})`;
}
