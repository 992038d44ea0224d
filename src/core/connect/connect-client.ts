import { CdcDeltaError } from "../../errors.ts";
import type { ConnectReply } from "./connect-answer.ts";
import type { ConnectAccess } from "./connect-http.ts";
import { probeConnect } from "./connect-probe.ts";
import {
  readConfig,
  readConnectors,
  readOffsets,
  readPlugins,
  readStatus,
  readValidation,
} from "./connect-read.ts";
import { callConnect, type ConnectCall, type ConnectWorld } from "./connect-request.ts";
import type {
  ConfigValidation,
  ConnectorAnswer,
  ConnectorConfig,
  ConnectorOverview,
  ConnectorStatus,
  ConnectPlugin,
  ConnectProbe,
  OffsetsAnswer,
  PutOutcome,
} from "./connect-types.ts";

type Options = { readonly signal: AbortSignal };

/**
 * Kafka Connect's REST interface. Conflicts that pass (rebalances) are waited out, requests of
 * unknown outcome are looked up. What Connect refuses is an answer; no answer at all is an error:
 * `connect`, or `permission` for wrong credentials.
 */
export type ConnectClient = {
  readonly url: string;
  /** One try, without retries, for waiting. */
  probe(options: Options): Promise<ConnectProbe>;
  plugins(options: Options): Promise<readonly ConnectPlugin[]>;
  /** Connect's own check of a configuration; its connector may talk to the database for it. */
  validate(config: ConnectorConfig, options: Options): Promise<ConfigValidation>;
  connectors(options: Options): Promise<readonly ConnectorOverview[]>;
  /** Null: there is no such connector. */
  config(name: string, options: Options): Promise<ConnectorConfig | null>;
  /** Null: there is none, or it was made a moment ago. */
  status(name: string, options: Options): Promise<ConnectorStatus | null>;
  /** Creates the connector, or changes its configuration. */
  putConfig(name: string, config: ConnectorConfig, options: Options): Promise<PutOutcome>;
  /** Deletes the connector; its offsets stay. */
  remove(name: string, options: Options): Promise<ConnectorAnswer>;
  /** Restarts the connector and all of its tasks. */
  restart(name: string, options: Options): Promise<ConnectorAnswer>;
  /** Its tasks stay where they are, idle. */
  pause(name: string, options: Options): Promise<ConnectorAnswer>;
  resume(name: string, options: Options): Promise<ConnectorAnswer>;
  /** Its tasks end; since Connect 3.5. */
  stop(name: string, options: Options): Promise<ConnectorAnswer>;
  /** Since Connect 3.5. */
  offsets(name: string, options: Options): Promise<OffsetsAnswer>;
  /** Deletes the offsets of a stopped connector; since Connect 3.6. */
  resetOffsets(name: string, options: Options): Promise<ConnectorAnswer>;
};

/** The client of one Connect cluster. Opens nothing yet. */
export function connectClient(access: ConnectAccess, world: ConnectWorld): ConnectClient {
  const ask = async (call: ConnectCall, { signal }: Options): Promise<ConnectReply | null> => {
    const outcome = await callConnect(access, call, world, signal);
    return outcome.kind === "landed" ? null : outcome.reply;
  };
  const act = async (call: ConnectCall, options: Options): Promise<ConnectorAnswer> =>
    answerOf(access, call, await ask(call, options));

  const client: ConnectClient = {
    url: access.url,
    probe: ({ signal }) => probeConnect(access, signal),
    async plugins(options) {
      const call = { method: "GET", path: "/connector-plugins", what: "list the plugins" } as const;
      return readPlugins(bodyOf(access, call, await ask(call, options)));
    },
    async validate(config, options) {
      const className = encodeURIComponent(config["connector.class"] ?? "");
      const call = {
        method: "PUT",
        path: `/connector-plugins/${className}/config/validate`,
        body: config,
        what: "have the configuration validated",
      } as const;
      const reply = await ask(call, options);
      return reply !== null && reply.status !== 200
        ? { kind: "refused", message: reply.message }
        : readValidation(reply?.body);
    },
    async connectors(options) {
      const path = "/connectors?expand=status&expand=info";
      const call = { method: "GET", path, what: "list the connectors" } as const;
      return readConnectors(bodyOf(access, call, await ask(call, options)));
    },
    async config(name, options) {
      const call = read(name, "/config", "read the configuration of");
      const body = await bodyOrNull(access, call, ask(call, options));
      return body === null ? null : readConfig(body);
    },
    async status(name, options) {
      const call = read(name, "/status", "read the status of");
      const body = await bodyOrNull(access, call, ask(call, options));
      return body === null ? null : readStatus(body, name);
    },
    async putConfig(name, config, options) {
      const body = { ...config, name };
      const call: ConnectCall = {
        method: "PUT",
        path: `${pathOf(name)}/config`,
        body,
        what: `deploy connector "${name}"`,
        landed: async () => sameConfig(await client.config(name, options), body),
      };
      const reply = await ask(call, options);
      if (reply === null || reply.status === 200) return { kind: "updated" };
      if (reply.status === 201) return { kind: "created" };
      if (reply.status === 400) return { kind: "refused", message: reply.message };
      throw unexpected(access, call, reply);
    },
    remove(name, options) {
      const what = `delete connector "${name}"`;
      const landed = async (): Promise<boolean> => await client.config(name, options) === null;
      return act({ method: "DELETE", path: pathOf(name), what, landed }, options);
    },
    restart(name, options) {
      // Restarting twice does no harm, so an unknown outcome is simply tried again.
      const path = `${pathOf(name)}/restart?includeTasks=true&onlyFailed=false`;
      return act({ method: "POST", path, what: `restart connector "${name}"` }, options);
    },
    pause: (name, options) => act(transition(name, "pause"), options),
    resume: (name, options) => act(transition(name, "resume"), options),
    stop: (name, options) => act(transition(name, "stop"), options),
    async offsets(name, options) {
      const call = read(name, "/offsets", "read the offsets of");
      const reply = await ask(call, options);
      if (reply?.status === 200) return { kind: "offsets", offsets: readOffsets(reply.body) };
      const answer = answerOf(access, call, reply);
      return answer.kind === "done" ? { kind: "offsets", offsets: [] } : answer;
    },
    resetOffsets(name, options) {
      const path = `${pathOf(name)}/offsets`;
      const what = `reset the offsets of connector "${name}"`;
      return act({ method: "DELETE", path, what }, options);
    },
  };
  return client;
}

function pathOf(name: string): string {
  return `/connectors/${encodeURIComponent(name)}`;
}

function read(name: string, path: string, what: string): ConnectCall {
  return { method: "GET", path: `${pathOf(name)}${path}`, what: `${what} connector "${name}"` };
}

/** Pausing what is paused is no error, so it may be repeated after a doubt. */
function transition(name: string, verb: "pause" | "resume" | "stop"): ConnectCall {
  return { method: "PUT", path: `${pathOf(name)}/${verb}`, what: `${verb} connector "${name}"` };
}

/** Whether Connect holds this very configuration. */
function sameConfig(found: ConnectorConfig | null, wanted: ConnectorConfig): boolean {
  if (found === null) return false;
  const keys = Object.keys(wanted);
  return keys.length === Object.keys(found).length &&
    keys.every((key) => found[key] === wanted[key]);
}

function answerOf(
  access: ConnectAccess,
  call: ConnectCall,
  reply: ConnectReply | null,
): ConnectorAnswer {
  if (reply === null || (reply.status >= 200 && reply.status < 300)) return { kind: "done" };
  if (reply.status === 404) {
    // Connect before 3.5 does not know the path; only its message tells.
    return /HTTP 404/.test(reply.message)
      ? { kind: "refused", message: "this version of Kafka Connect does not have it" }
      : { kind: "absent" };
  }
  if (reply.status === 405) {
    return { kind: "refused", message: "this version of Kafka Connect does not have it" };
  }
  if (reply.status === 400) return { kind: "refused", message: reply.message };
  throw unexpected(access, call, reply);
}

function bodyOf(access: ConnectAccess, call: ConnectCall, reply: ConnectReply | null): unknown {
  if (reply?.status === 200) return reply.body;
  throw unexpected(access, call, reply ?? { status: 0, body: undefined, message: "nothing" });
}

async function bodyOrNull(
  access: ConnectAccess,
  call: ConnectCall,
  asked: Promise<ConnectReply | null>,
): Promise<unknown> {
  const reply = await asked;
  return reply?.status === 404 ? null : bodyOf(access, call, reply);
}

function unexpected(
  access: ConnectAccess,
  call: ConnectCall,
  { status, message }: ConnectReply,
): CdcDeltaError {
  return new CdcDeltaError(
    "connect",
    `Cannot ${call.what}: Kafka Connect at ${access.url} answered ${status}: ${message}. ` +
      "Its log says more",
    { context: { url: access.url, status } },
  );
}
