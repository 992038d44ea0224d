import { configFindings, signalSecurityFindings } from "../../core/connect/config-findings.ts";
import { configValue, mongoConnectorClass } from "../../core/connect/connector-config.ts";
import type { ConfigValidation, ConnectorConfig } from "../../core/connect/connect-types.ts";
import { type Finding, skipped } from "../../core/connect/finding.ts";
import { lookAtMongo } from "../../core/connect/mongodb-facts.ts";
import { mongoFindings } from "../../core/connect/mongodb-findings.ts";
import { topicFindings, topicsSkipped } from "../../core/connect/topic-findings.ts";
import {
  exactlyOnceFinding,
  pluginFinding,
  validationFindings,
  workerExactlyOnce,
} from "../../core/connect/worker-findings.ts";
import { kafkaClientOf } from "../kafka-access.ts";
import { type ConnectSession, learnSecrets } from "./connect-session.ts";
import { findingText } from "./connector-text.ts";

/** What the checks found out. */
export type CheckResult = {
  readonly findings: readonly Finding[];
  /** Whether the worker writes in transactions; null: unknown. */
  readonly workerExactlyOnce: boolean | null;
};

/** Everything that is looked at before a connector is deployed, told as it is found. */
export async function runChecks(
  session: ConnectSession,
  { config, deployed }: {
    readonly config: ConnectorConfig;
    readonly deployed: ConnectorConfig | null;
  },
): Promise<CheckResult> {
  const findings: Finding[] = [];
  const add = async (found: readonly Finding[]): Promise<void> => {
    await session.waiting.clear();
    for (const each of found) {
      const redacted = { ...each, text: session.redact.current.text(each.text) };
      findings.push(redacted);
      await session.say(findingText(redacted));
    }
  };
  const { signal } = session;
  const plugin = pluginFinding(await session.client.plugins({ signal }), config);
  await add([plugin]);
  if (plugin.state === "problem") return { findings, workerExactlyOnce: null };
  if (isMongo(config)) {
    await add(configFindings(config));
    await add(signalSecurityFindings(config, session.values.kafkaSecurityProtocol));
  }
  await session.waiting.show("Kafka Connect validates the configuration…");
  const validation = await session.client.validate({ ...config, name: session.name }, { signal });
  const known = deployed === null ? [config] : [config, deployed];
  learnSecrets(session, known, passwordKeysOf(validation));
  await add(validationFindings(validation));
  const exactlyOnce = await askWorker(session, config, validation);
  const isRequired = configValue(config, "exactly.once.support").toLowerCase() === "required";
  // A worker that lacks what is required has made a problem of it already.
  if (exactlyOnce !== false || !isRequired) await add([exactlyOnceFinding(config, exactlyOnce)]);
  if (isMongo(config)) {
    await add(await seeToTopics(session, config, { create: false }));
    await session.waiting.show("Looking at MongoDB…");
    await add(mongoFindings(await lookAtMongo(config, { signal }), config));
  } else {
    await add([skipped("mongodb", "not Debezium's MongoDB connector: nothing more is checked")]);
  }
  return { findings, workerExactlyOnce: exactlyOnce };
}

function isMongo(config: ConnectorConfig): boolean {
  const name = configValue(config, "connector.class");
  return mongoConnectorClass === name ||
    ["MongoDbConnector", "MongoDb"].includes(name);
}

function passwordKeysOf(validation: ConfigValidation): string[] {
  if (validation.kind === "refused") return [];
  return validation.fields.filter(({ type }) => type === "PASSWORD").map(({ name }) => name);
}

/** Only a connector that requires exactly-once makes Connect say whether the worker has it. */
async function askWorker(
  session: ConnectSession,
  config: ConnectorConfig,
  validation: ConfigValidation,
): Promise<boolean | null> {
  const support = configValue(config, "exactly.once.support").toLowerCase();
  if (support === "required") return workerExactlyOnce(validation);
  const asked = { ...config, name: session.name, "exactly.once.support": "required" };
  return workerExactlyOnce(await session.client.validate(asked, session));
}

/** Checks the topics beside the data, or creates those that are missing. */
export async function seeToTopics(
  session: ConnectSession,
  config: ConnectorConfig,
  { create }: { readonly create: boolean },
): Promise<readonly Finding[]> {
  if (!isMongo(config)) return [];
  if (session.values.kafkaBootstrapServers === null) return [topicsSkipped()];
  await session.waiting.show("Looking at the topics…");
  const kafka = kafkaClientOf(session.values);
  try {
    return await topicFindings(kafka, config, { create, signal: session.signal });
  } finally {
    await kafka.close();
    await session.waiting.clear();
  }
}
