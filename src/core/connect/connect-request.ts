import type { Clock, Random } from "../../delta/clock.ts";
import { CdcDeltaError } from "../../errors.ts";
import { connectAttemptsMax } from "../../limits.ts";
import { type ConnectReply, connectVerdict } from "./connect-answer.ts";
import { callHttp, type ConnectAccess, type HttpCall } from "./connect-http.ts";

/** What requests to Connect need of the world. */
export type ConnectWorld = {
  readonly clock: Clock;
  readonly random: Random;
  /** Hears of each request that is sent again. */
  readonly onRetry?: (event: ConnectRetry) => void;
};

export type ConnectRetry = {
  readonly what: string;
  readonly reason: string;
  readonly attempt: number;
  readonly delayMs: number;
};

export type ConnectCall = HttpCall & {
  /** For messages: `read the status of connector "cdc"`. */
  readonly what: string;
  /** Tells whether a request of unknown outcome was carried out. Without it: it may be repeated. */
  readonly landed?: () => Promise<boolean>;
};

export type ConnectOutcome =
  | { readonly kind: "reply"; readonly reply: ConnectReply }
  /** No answer told so, but what was asked for has come about. */
  | { readonly kind: "landed" };

const firstDelayMs = 400;
const delayMsMax = 10_000;

/**
 * Sends a request until it has a final answer. A rebalance, no leader, or a server that is away is
 * waited out; a request of unknown outcome is looked up before it is sent again.
 * Errors: `connect` when it gives up or the other side is not Connect, `permission` for 401 and 403.
 */
export async function callConnect(
  access: ConnectAccess,
  call: ConnectCall,
  world: ConnectWorld,
  signal: AbortSignal,
): Promise<ConnectOutcome> {
  const timeoutMs = access.requestTimeoutMs;
  let last = "";
  for (let attempt = 1; attempt <= connectAttemptsMax; attempt++) {
    const verdict = connectVerdict(await callHttp(access, call, { signal, timeoutMs }));
    if (verdict.kind === "final") {
      assertConnect(access, call, verdict.reply);
      return { kind: "reply", reply: verdict.reply };
    }
    last = verdict.reason;
    if (verdict.kind === "doubt" && call.landed !== undefined && await call.landed()) {
      return { kind: "landed" };
    }
    if (attempt === connectAttemptsMax) break;
    const delayMs = backoffMs(attempt, world.random);
    world.onRetry?.({ what: call.what, reason: last, attempt, delayMs });
    await world.clock.sleep(delayMs, signal);
  }
  throw new CdcDeltaError(
    "connect",
    `Cannot ${call.what} at ${access.url} after ${connectAttemptsMax} tries: ${last}. ` +
      "See to Kafka Connect, then run this again",
    { retryable: true, context: { url: access.url } },
  );
}

/** Full jitter above half of the delay, so that many clients do not come back together. */
function backoffMs(attempt: number, random: Random): number {
  const delayMs = Math.min(delayMsMax, firstDelayMs * 2 ** (attempt - 1));
  return Math.round(delayMs * (0.5 + random.next() / 2));
}

/** Refuses answers that are not Connect's, and those that ask for credentials. */
function assertConnect(access: ConnectAccess, call: ConnectCall, reply: ConnectReply): void {
  const { status, message } = reply;
  if (status === 401 || status === 403) throw notAllowed(access, call.what, reply);
  const understood = status === 204 || status === 202 || reply.body !== undefined;
  if (understood && (status < 300 || status >= 400)) return;
  throw new CdcDeltaError(
    "connect",
    `Cannot ${call.what}: what answers at ${access.url} is not Kafka Connect (${status}: ` +
      `${message}). Check KAFKA_CONNECT_URL`,
    { context: { url: access.url, status } },
  );
}

/** The error for 401 and 403. */
export function notAllowed(
  access: ConnectAccess,
  what: string,
  { status, message }: ConnectReply,
): CdcDeltaError {
  const advice = access.username === null
    ? "Set KAFKA_CONNECT_USERNAME and KAFKA_CONNECT_PASSWORD"
    : "Check KAFKA_CONNECT_USERNAME and KAFKA_CONNECT_PASSWORD";
  return new CdcDeltaError(
    "permission",
    `Cannot ${what}: Kafka Connect at ${access.url} refuses us (${status}: ${message}). ${advice}`,
    { context: { url: access.url, status } },
  );
}
