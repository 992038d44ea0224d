import { readFileSync } from "node:fs";
import type { KafkaClient } from "../core/kafka/kafka-client.ts";
import { openKafkaClient } from "../core/kafka/open-kafka-client.ts";
import type { KafkaSasl, KafkaSettings, KafkaTls } from "../core/kafka/kafka-settings.ts";
import { CdcDeltaError, messageOf } from "../errors.ts";
import { tokenSource } from "./oauth-token.ts";
import type { Settings } from "./settings/settings.ts";

/** A client for the brokers that the settings name; connects nothing yet. Errors: `usage`. */
export function kafkaClientOf(values: Settings): KafkaClient {
  return openKafkaClient(kafkaSettingsOf(values));
}

/** How the settings reach Kafka; reads the PEM files. Errors: `usage`. */
export function kafkaSettingsOf(values: Settings): KafkaSettings {
  const servers = values.kafkaBootstrapServers;
  if (servers === null) {
    throw new CdcDeltaError(
      "usage",
      "Cannot reach Kafka: no broker is named. Set KAFKA_BOOTSTRAP_SERVERS " +
        "(--kafka-bootstrap-servers) to host:port",
    );
  }
  return {
    bootstrapServers: servers.split(","),
    clientId: values.kafkaClientId,
    tls: tlsOf(values),
    sasl: saslOf(values),
    connectionTimeoutMs: values.kafkaConnectionTimeout,
    requestTimeoutMs: values.kafkaRequestTimeout,
  };
}

function tlsOf(values: Settings): KafkaTls | null {
  if (!values.kafkaSecurityProtocol.endsWith("SSL")) return null;
  const { kafkaSslCa, kafkaSslCertificate, kafkaSslKey } = values;
  return {
    ca: kafkaSslCa === null ? null : readPem(kafkaSslCa, "KAFKA_SSL_CA_LOCATION"),
    certificate: kafkaSslCertificate === null
      ? null
      : readPem(kafkaSslCertificate, "KAFKA_SSL_CERTIFICATE_LOCATION"),
    key: kafkaSslKey === null ? null : readPem(kafkaSslKey, "KAFKA_SSL_KEY_LOCATION"),
    keyPassphrase: values.kafkaSslKeyPassword,
    verify: values.kafkaSslVerify,
  };
}

function saslOf(values: Settings): KafkaSasl | null {
  if (!values.kafkaSecurityProtocol.startsWith("SASL_")) return null;
  const { kafkaSaslMechanism, kafkaSaslUsername, kafkaSaslPassword } = values;
  if (kafkaSaslMechanism === "OAUTHBEARER") {
    return { kind: "oauthbearer", token: tokenSource(values) };
  }
  if (kafkaSaslMechanism === null || kafkaSaslUsername === null || kafkaSaslPassword === null) {
    throw new CdcDeltaError(
      "usage",
      "Cannot authenticate with Kafka: set KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and " +
        "KAFKA_SASL_PASSWORD",
    );
  }
  const kinds = {
    PLAIN: "plain",
    "SCRAM-SHA-256": "scram-sha-256",
    "SCRAM-SHA-512": "scram-sha-512",
  } as const;
  return {
    kind: kinds[kafkaSaslMechanism],
    username: kafkaSaslUsername,
    password: kafkaSaslPassword,
  };
}

function readPem(path: string, variable: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new CdcDeltaError(
      "usage",
      `Cannot read "${path}": ${messageOf(cause)}. Correct ${variable}`,
      { cause },
    );
  }
  if (text.includes("-----BEGIN ")) return text;
  throw new CdcDeltaError(
    "usage",
    `Cannot use "${path}": it is not a PEM file. Correct ${variable}, or convert the file ` +
      "(openssl makes PEM of other forms)",
  );
}
