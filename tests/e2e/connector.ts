import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { projectRoot } from "../support/project-root.ts";
import { runBinary } from "../support/run-binary.ts";
import type { LiveStack } from "./live-stack.ts";

/** Configuration of a connector, as `deploy/kafka-connect` has them. */
type ConnectorFile = { readonly name: string; readonly config: Readonly<Record<string, string>> };

/**
 * Deploys the shipped connector configuration under a name with `cdcdelta deploy-connector`, which
 * ends when connector and task run. `settings` are laid over it.
 */
export async function deployConnector(
  stack: LiveStack,
  name: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const shipped = path.join(projectRoot, "deploy", "kafka-connect", "debezium-mongodb.json");
  const { config, ...rest } = JSON.parse(readFileSync(shipped, "utf8")) as ConnectorFile;
  const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-connector-"));
  const file = path.join(folder, "connector.json");
  writeFileSync(file, JSON.stringify({ ...rest, config: { ...config, ...settings } }));
  try {
    await connectorCommand(stack, name, [file, "--yes"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Removes it; its offsets stay. */
export async function deleteConnector(stack: LiveStack, name: string): Promise<void> {
  await connectorCommand(stack, name, ["--delete", "--yes"]);
}

/** `cdcdelta deploy-connector ARGS…` for the connector of a pipeline; throws unless it exits 0. */
export async function connectorCommand(
  { urls }: LiveStack,
  name: string,
  args: readonly string[],
): Promise<string> {
  const { status, stdout, stderr } = await runBinary(["deploy-connector", ...args], {
    timeoutMs: 120_000,
    env: {
      KAFKA_CONNECT_URL: urls.connect,
      KAFKA_CONNECT_VERIFY_INTERVAL_MS: "200",
      KAFKA_BOOTSTRAP_SERVERS: urls.kafka,
      MONGODB_CONNECTION_STRING: urls.mongodb,
      CONNECTOR_NAME: name,
      TOPIC_PREFIX: name,
      COLLECTION_INCLUDE_LIST: `${name}\\..*`,
      SIGNAL_COLLECTION: `${name}.signals`,
    },
  });
  if (status !== 0) throw new Error(`deploy-connector ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}
