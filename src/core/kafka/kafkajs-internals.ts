// Deno finds ambient types by no other way.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./kafkajs-modules.d.ts" />
import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import Connection from "kafkajs/src/network/connection.js";
import RequestQueue from "kafkajs/src/network/requestQueue/index.js";
import Encoder from "kafkajs/src/protocol/encoder.js";

/**
 * All that is used of kafkajs 2.2.4: one connection to one broker, with TLS, SASL and the matching
 * of answers to requests. Its cluster, consumer, retries and codecs are not used.
 */
export type KafkajsConnection = Connection;

/** How kafkajs authenticates; OAUTHBEARER brings its own exchange. */
export type KafkajsSasl = NonNullable<ConstructorParameters<typeof Connection>[0]["sasl"]>;

export type KafkajsConnectionOptions = {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  /** Makes the socket, TLS included; `onConnect` when it is ready for requests. */
  readonly socket: (onConnect: () => void) => Socket;
  readonly sasl: KafkajsSasl | null;
};

/** Connects nothing yet. Time limits are the caller's: kafkajs keeps none of its own. */
export function createConnection(options: KafkajsConnectionOptions): KafkajsConnection {
  patchRequestQueue();
  return new Connection({
    host: options.host,
    port: options.port,
    clientId: options.clientId,
    logger: silentLogger,
    socketFactory: ({ onConnect }) => options.socket(onConnect),
    requestTimeout: timerMsMax,
    connectionTimeout: timerMsMax,
    enforceRequestTimeout: false,
    ssl: null,
    sasl: options.sasl,
  });
}

/** Bytes of a request's body in the form in which kafkajs sends them. */
export function requestPayload(bytes: Buffer): Encoder {
  return new Encoder(Math.max(bytes.length, 1)).writeBuffer(bytes);
}

/** The longest time that a timer takes. */
const timerMsMax = 2 ** 31 - 1;

const silentLogger = {
  info() {},
  error() {},
  warn() {},
  debug() {},
  namespace: () => silentLogger,
  setLogLevel() {},
};

let patched = false;

/**
 * kafkajs arms a timer with a negative delay on each answer, whether there is something to wait for
 * or not: a warning on standard error and a wake-up each time. Only what is throttled needs one.
 */
function patchRequestQueue(): void {
  if (patched) return;
  patched = true;
  RequestQueue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.throttleCheckTimeoutId !== null) return;
    let delayMs = this.throttledUntil - Date.now();
    if (this.pending.length > 0) delayMs = delayMs > 0 ? delayMs : 10;
    else if (delayMs <= 0) return;
    this.throttleCheckTimeoutId = setTimeout(() => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    }, delayMs);
  };
}
