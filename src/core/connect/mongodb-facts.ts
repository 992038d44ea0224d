import type { Db, Document, MongoClient, MongoClientOptions } from "mongodb";
import { messageOf } from "../../errors.ts";
import {
  captureModeOf,
  configFlag,
  configValue,
  isConfigReference,
  signalFacts,
  wantsPreImages,
} from "./connector-config.ts";
import type { ConnectorConfig } from "./connect-types.ts";
import { captureOf } from "./capture-filter.ts";

/** What MongoDB says of itself, as far as capturing its changes depends on it. */
export type MongoFacts = {
  readonly version: string;
  /** The replica set's name; null for a single server and for a mongos. */
  readonly replicaSet: string | null;
  readonly sharded: boolean;
  /** Time between the oldest and the newest entry of the oplog; null where it cannot be read. */
  readonly oplogWindowMs: number | null;
  /** Why the oplog cannot be read, or null. */
  readonly oplogProblem: string | null;
  /** Why a change stream of the configured scope cannot be opened, or null. */
  readonly streamProblem: string | null;
  /** Collections that are captured, `db.collection`; null where they cannot be listed. */
  readonly captured: readonly CapturedCollection[] | null;
};

export type CapturedCollection = {
  readonly name: string;
  /** True when `changeStreamPreAndPostImages` is on. */
  readonly preImages: boolean;
};

export type MongoLook =
  | { readonly kind: "facts"; readonly facts: MongoFacts }
  | { readonly kind: "unreachable"; readonly reason: string }
  /** Nothing to connect to: no connection string, or one that only Connect can resolve. */
  | { readonly kind: "unknown"; readonly reason: string };

/** Patience with a MongoDB that Connect may reach, but we need not. */
const selectionTimeoutMs = 5000;
const operationTimeoutMs = 10_000;

/**
 * Looks at the MongoDB of a connector's configuration, by the official driver; changes nothing.
 * Never throws for what MongoDB does, only when `signal` is aborted.
 */
export async function lookAtMongo(
  config: ConnectorConfig,
  { signal }: { readonly signal: AbortSignal },
): Promise<MongoLook> {
  const uri = configValue(config, "mongodb.connection.string");
  if (uri === "") return { kind: "unknown", reason: "there is no mongodb.connection.string" };
  const password = configValue(config, "mongodb.password");
  if (isConfigReference(uri) || isConfigReference(password)) {
    return { kind: "unknown", reason: "its credentials are known to Connect only" };
  }
  signal.throwIfAborted();
  // Loaded on demand: other commands need no driver.
  const { MongoClient } = await import("mongodb");
  let client: MongoClient | null = null;
  const onAbort = (): void => void client?.close(true);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    client = new MongoClient(uri, clientOptions(config));
    await client.connect();
    return { kind: "facts", facts: await gatherFacts(client, config) };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "unreachable", reason: messageOf(error) };
  } finally {
    signal.removeEventListener("abort", onAbort);
    await client?.close(true).catch(() => undefined);
  }
}

function clientOptions(config: ConnectorConfig): MongoClientOptions {
  const username = configValue(config, "mongodb.user");
  const password = configValue(config, "mongodb.password");
  const uri = configValue(config, "mongodb.connection.string");
  return {
    appName: "cdcdelta",
    maxPoolSize: 2,
    // What the connection string says itself holds.
    ...timeoutUnlessIn(uri, "serverSelectionTimeoutMS", selectionTimeoutMs),
    ...timeoutUnlessIn(uri, "connectTimeoutMS", selectionTimeoutMs),
    ...timeoutUnlessIn(uri, "socketTimeoutMS", operationTimeoutMs),
    ...(username === "" ? {} : {
      auth: { username, password },
      authSource: configValue(config, "mongodb.authsource", "admin"),
    }),
    ...(configFlag(config, "mongodb.ssl.enabled") ? { tls: true } : {}),
    ...(configFlag(config, "mongodb.ssl.invalid.hostname.allowed")
      ? { tlsAllowInvalidHostnames: true }
      : {}),
  };
}

function timeoutUnlessIn(
  uri: string,
  name: "serverSelectionTimeoutMS" | "connectTimeoutMS" | "socketTimeoutMS",
  ms: number,
): MongoClientOptions {
  return new RegExp(`[?&]${name}=`, "i").test(uri) ? {} : { [name]: ms };
}

async function gatherFacts(client: MongoClient, config: ConnectorConfig): Promise<MongoFacts> {
  const admin = client.db("admin");
  const hello = await admin.command({ hello: 1 });
  const build = await admin.command({ buildInfo: 1 });
  const replicaSet = typeof hello["setName"] === "string" ? hello["setName"] : null;
  const sharded = hello["msg"] === "isdbgrid";
  const canStream = replicaSet !== null || sharded;
  const oplog = replicaSet === null ? { windowMs: null, problem: null } : await oplogOf(client);
  return {
    version: String(build["version"] ?? "unknown"),
    replicaSet,
    sharded,
    oplogWindowMs: oplog.windowMs,
    oplogProblem: oplog.problem,
    streamProblem: canStream ? await streamProblemOf(client, config) : null,
    captured: await capturedOf(client, config).catch(() => null),
  };
}

async function oplogOf(
  client: MongoClient,
): Promise<{ readonly windowMs: number | null; readonly problem: string | null }> {
  try {
    const oplog = client.db("local").collection("oplog.rs");
    const edge = async (direction: 1 | -1): Promise<number> => {
      const entry = await oplog.findOne({}, {
        sort: { $natural: direction },
        projection: { ts: 1 },
      });
      const seconds: unknown = (entry?.["ts"] as { readonly t?: unknown } | undefined)?.t;
      return typeof seconds === "number" ? seconds * 1000 : Number.NaN;
    };
    const windowMs = await edge(-1) - await edge(1);
    return { windowMs: Number.isFinite(windowMs) ? windowMs : null, problem: null };
  } catch (error) {
    return { windowMs: null, problem: messageOf(error) };
  }
}

/** Opens the change stream that Debezium would open, and closes it again. */
async function streamProblemOf(
  client: MongoClient,
  config: ConnectorConfig,
): Promise<string | null> {
  const scope = configValue(config, "capture.scope", "deployment").toLowerCase();
  const target = configValue(config, "capture.target");
  const [database = "", ...collection] = target.split(".");
  const options = {
    maxAwaitTimeMS: 1,
    ...(wantsPreImages(captureModeOf(config))
      ? { fullDocumentBeforeChange: "whenAvailable" as const }
      : {}),
  };
  const place: MongoClient | Db | ReturnType<Db["collection"]> = scope === "collection"
    ? client.db(database).collection(collection.join("."))
    : scope === "database"
    ? client.db(database)
    : client;
  const stream = place.watch([], options);
  try {
    await stream.tryNext();
    return null;
  } catch (error) {
    return messageOf(error);
  } finally {
    await stream.close().catch(() => undefined);
  }
}

async function capturedOf(
  client: MongoClient,
  config: ConnectorConfig,
): Promise<CapturedCollection[]> {
  const { databases } = await client.db("admin").admin().listDatabases({ nameOnly: true });
  const { signalCollection } = signalFacts(config);
  const found: CapturedCollection[] = [];
  for (const { name: database } of databases) {
    if (["admin", "config", "local"].includes(database)) continue;
    const listed = await client.db(database).listCollections({}, { nameOnly: false }).toArray();
    for (const each of listed) {
      const name = `${database}.${each.name}`;
      const isData = each.type === "collection" && !each.name.startsWith("system.");
      if (!isData || name === signalCollection) continue;
      if (captureOf(config, name).kind === "left-out") continue;
      const options: Document = each.options ?? {};
      found.push({ name, preImages: imagesEnabled(options["changeStreamPreAndPostImages"]) });
    }
  }
  return found.toSorted((a, b) => a.name < b.name ? -1 : 1);
}

function imagesEnabled(option: unknown): boolean {
  return typeof option === "object" && option !== null && "enabled" in option &&
    option.enabled === true;
}
