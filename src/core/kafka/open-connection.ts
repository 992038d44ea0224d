import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { CdcDeltaError, messageOf } from "../../errors.ts";
import { answerReader } from "./answer-reader.ts";
import { apiVersionsRequest } from "./api-versions-request.ts";
import type { ApiVersions } from "./api-versions-request.ts";
import type { CallOptions } from "./kafka-client.ts";
import { authenticationFailed, clientClosed, connectionLost, timedOut } from "./kafka-failure.ts";
import type { ConnectionEnd, ConnectionStep } from "./kafka-failure.ts";
import type { KafkaRequest } from "./kafka-request.ts";
import type { KafkaSettings } from "./kafka-settings.ts";
import { createConnection, requestPayload } from "./kafkajs-internals.ts";
import type { KafkajsConnection } from "./kafkajs-internals.ts";
import { openSocket, targetOf } from "./open-socket.ts";
import { pending } from "./pending.ts";
import { requestWriter } from "./request-writer.ts";
import { mechanismOf, saslExchange } from "./sasl-exchange.ts";

/** A connection that is ready for requests: encrypted and authenticated as the settings say. */
export type OpenConnection = {
  /** False once it has ended, is to be ended, or its session is about to expire. */
  readonly usable: () => boolean;
  /**
   * Requests are answered in their order. An aborted one takes the connection out of use, since the
   * broker would answer it before any other; one without an answer in time ends it.
   */
  readonly send: <A>(request: KafkaRequest<A>, options: CallOptions) => Promise<A>;
  /** Lets what is under way end first. */
  readonly retire: () => void;
  /** Ends it now; what is under way fails. */
  readonly close: () => void;
};

/**
 * Connects to one broker; the connection ends when the signal is aborted, even long after. Errors: `kafka`, retryable when the broker cannot be reached or does not
 * answer, not retryable when TLS or authentication is refused or a needed version is not spoken.
 */
export async function openConnection(
  address: string,
  settings: KafkaSettings,
  options: CallOptions,
): Promise<OpenConnection> {
  const state = connectionState(address, settings, options);
  const { connection } = state;
  try {
    await state.until(connection.connect(), settings.connectionTimeoutMs, "connecting", options);
    state.step = "api-versions";
    const { error, versions } = await state.ask(apiVersionsRequest(), 0, options);
    if (error !== null) throw new Error(`ApiVersions was answered with ${error}`);
    connection.setVersions(versions);
    const expiresAt = await authenticate(state, address, settings, versions, options);
    state.step = "first-request";
    return readyConnection(state, address, versions, expiresAt);
  } catch (error) {
    const failure = state.failureOf(error);
    state.close();
    throw failure;
  }
}

type ConnectionState = ReturnType<typeof connectionState>;

function connectionState(address: string, settings: KafkaSettings, { signal }: CallOptions) {
  const waiting = pending();
  let socket: Socket | null = null;
  let ended: CdcDeltaError | null = null;

  function end(cause: ConnectionEnd): void {
    ended ??= connectionLost(address, state.step, settings, cause);
    // While it connects, kafkajs has a timer that only an error ends.
    socket?.destroy(state.step === "connect" ? ended : undefined);
    signal.removeEventListener("abort", close);
    waiting.rejectAll(ended);
    connection.rejectRequests(ended);
  }

  const connection: KafkajsConnection = createConnection({
    ...targetOf(address),
    clientId: settings.clientId,
    sasl: settings.sasl === null ? null : saslExchange(settings.sasl, signal),
    socket(onConnect) {
      socket = openSocket(targetOf(address), settings.tls, onConnect);
      // These come before kafkajs' own listeners: why it ended is known before requests fail of it.
      socket.on("error", (error: Error & { code?: string }) => {
        end({ code: error.code ?? error.name, message: error.message });
      });
      socket.on("end", () => end({ code: "CLOSED", message: "the broker closed the connection" }));
      socket.on("close", () => end({ code: "CLOSED", message: "the connection was closed" }));
      return socket;
    },
  });

  const state = {
    step: "connect" as ConnectionStep,
    connection,
    waiting,
    isOpen: () => ended === null && connection.isConnected(),
    until<T>(work: Promise<T>, timeoutMs: number, doing: string, options: CallOptions): Promise<T> {
      const onTimeout = () => timedOut(doing, address, timeoutMs);
      return waiting.until(work, { ...options, timeoutMs, onTimeout });
    },
    ask<A>(request: KafkaRequest<A>, version: number, options: CallOptions): Promise<A> {
      const limitMs = settings.requestTimeoutMs + request.waitMsMax;
      const work = sendOn(connection, request, version, address);
      return state.until(work, limitMs, request.name, options);
    },
    /** What is to be thrown for something that was thrown while this connection was in use. */
    failureOf(error: unknown): unknown {
      if (signal.aborted && error === signal.reason) return error;
      if (ended !== null) return ended;
      return error instanceof CdcDeltaError ? error : unexpected(address, error);
    },
    close,
  };

  function close(): void {
    ended ??= clientClosed(address);
    end({ code: "CLOSED", message: "it was closed" });
    // Nothing is under way any more, so this ends kafkajs' timers at once.
    connection.disconnect().catch(() => {});
  }

  signal.addEventListener("abort", close);
  return state;
}

/** When the session ends, in ms since the epoch; null: never. */
async function authenticate(
  state: ConnectionState,
  address: string,
  settings: KafkaSettings,
  versions: ApiVersions,
  options: CallOptions,
): Promise<number | null> {
  if (settings.sasl === null) return null;
  state.step = "authenticate";
  const { connection } = state;
  const mechanism = mechanismOf(settings.sasl);
  if (versions[saslAuthenticateKey] === undefined) {
    throw unsupported(address, "SaslAuthenticate", "at least version 0");
  }
  connection.setSupportAuthenticationProtocol(true);
  connection.reauthenticationThreshold = 0;
  const work = connection.authenticate().catch((error: unknown) => {
    throw error instanceof CdcDeltaError || !state.isOpen()
      ? error
      : authenticationFailed(address, mechanism, error);
  });
  await state.until(work, settings.requestTimeoutMs, "authenticating", options);
  const lifetimeMs = Number(connection.sessionLifetime.toString());
  return lifetimeMs === 0 ? null : Date.now() + lifetimeMs * sessionShare;
}

const saslAuthenticateKey = 36;
/** A connection is replaced when so much of its session has passed, as the Java client does. */
const sessionShare = 0.85;

function readyConnection(
  state: ConnectionState,
  address: string,
  versions: ApiVersions,
  expiresAt: number | null,
): OpenConnection {
  let retired = false;
  const retire = () => {
    retired = true;
    if (state.waiting.count() === 0) state.close();
  };
  return {
    usable: () => !retired && state.isOpen() && (expiresAt === null || Date.now() < expiresAt),
    async send(request, options) {
      const version = chooseVersion(request, versions, address);
      try {
        const answer = await state.ask(request, version, options);
        state.step = "ready";
        return answer;
      } catch (error) {
        if (options.signal.aborted) {
          retired = true;
          throw options.signal.reason;
        }
        const failure = state.failureOf(error);
        if (state.isOpen()) state.close();
        throw failure;
      } finally {
        if (retired) retire();
      }
    },
    retire,
    close: state.close,
  };
}

function sendOn<A>(
  connection: KafkajsConnection,
  request: KafkaRequest<A>,
  version: number,
  address: string,
): Promise<A> {
  const flexible = request.flexibleFrom !== null && version >= request.flexibleFrom;
  return connection.send<A>({
    request: {
      apiKey: request.apiKey,
      apiName: request.name,
      apiVersion: version,
      encode() {
        const writer = requestWriter(flexible);
        // The tagged fields of the request's header, which kafkajs does not know of.
        writer.tags();
        request.encode(writer, version);
        return Promise.resolve(requestPayload(writer.written()));
      },
    },
    response: {
      decode: (payload) =>
        Promise.resolve(decodeAnswer(request, version, flexible, payload, address)),
      parse: ({ answer }) => answer,
    },
  });
}

function decodeAnswer<A>(
  request: KafkaRequest<A>,
  version: number,
  flexible: boolean,
  payload: Buffer,
  address: string,
): { clientSideThrottleTime: number; answer: A } {
  const reader = answerReader(payload, flexible);
  try {
    reader.tags();
    const answer = request.decode(reader, version);
    return { clientSideThrottleTime: reader.throttledMs(), answer };
  } catch (error) {
    throw new CdcDeltaError(
      "kafka",
      `The answer of Kafka broker ${address} to ${request.name} version ${version} cannot be ` +
        `read: ${messageOf(error)}`,
      { context: { address, request: request.name, version }, cause: error },
    );
  }
}

/** The highest version that both sides speak. */
function chooseVersion(
  request: KafkaRequest<unknown>,
  versions: ApiVersions,
  address: string,
): number {
  const { name, apiKey, versionMin, versionMax } = request;
  const spoken = versions[apiKey];
  const version = Math.min(versionMax, spoken?.maxVersion ?? -1);
  if (spoken === undefined || version < Math.max(versionMin, spoken.minVersion)) {
    throw unsupported(address, name, `a version from ${versionMin} to ${versionMax}`);
  }
  return version;
}

function unsupported(address: string, name: string, needed: string): CdcDeltaError {
  return new CdcDeltaError(
    "kafka",
    `Kafka broker ${address} does not speak ${name} in ${needed}. cdcdelta needs Kafka 1.1 or ` +
      `newer.`,
    { context: { address, request: name }, retryable: false },
  );
}

function unexpected(address: string, error: unknown): CdcDeltaError {
  return new CdcDeltaError("kafka", `Kafka broker ${address}: ${messageOf(error)}`, {
    context: { address },
    retryable: true,
    cause: error,
  });
}
