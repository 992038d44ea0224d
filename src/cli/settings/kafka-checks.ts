import type { Problem } from "./problem.ts";
import type { SettingKey, Settings } from "./settings.ts";

/** Names a setting as the user gave it; by its usual variable when it was not given. */
export type PlaceOf = (key: SettingKey) => string;

/** What must fit together among the settings of Kafka. Pure. */
export function kafkaProblems(values: Settings, placeOf: PlaceOf): Problem[] {
  return [
    ...mechanismProblems(values, placeOf),
    ...credentialProblems(values, placeOf),
    ...oauthProblems(values, placeOf),
    ...tlsProblems(values, placeOf),
    ...timeProblems(values, placeOf),
  ];
}

const usesSasl = ({ kafkaSecurityProtocol }: Settings): boolean =>
  kafkaSecurityProtocol.startsWith("SASL_");
const usesTls = ({ kafkaSecurityProtocol }: Settings): boolean =>
  kafkaSecurityProtocol.endsWith("SSL");

function mechanismProblems(values: Settings, placeOf: PlaceOf): Problem[] {
  const { kafkaSecurityProtocol, kafkaSaslMechanism } = values;
  if (usesSasl(values) && kafkaSaslMechanism === null) {
    return [{
      place: placeOf("kafkaSecurityProtocol"),
      message: `is ${kafkaSecurityProtocol}, but no SASL mechanism is set`,
      fix: "set KAFKA_SASL_MECHANISM (--kafka-sasl-mechanism) to PLAIN, SCRAM-SHA-256, " +
        "SCRAM-SHA-512 or OAUTHBEARER",
    }];
  }
  const given = (["kafkaSaslMechanism", "kafkaSaslUsername", "kafkaSaslPassword"] as const)
    .find((key) => values[key] !== null);
  if (usesSasl(values) || given === undefined) return [];
  return [{
    place: placeOf(given),
    message: `is set, but the security protocol is ${kafkaSecurityProtocol}, which does not ` +
      "authenticate with it",
    fix: `set KAFKA_SECURITY_PROTOCOL to ${
      usesTls(values) ? "SASL_SSL" : "SASL_SSL or " +
        "SASL_PLAINTEXT"
    }, or remove it`,
  }];
}

function credentialProblems(values: Settings, placeOf: PlaceOf): Problem[] {
  const mechanism = values.kafkaSaslMechanism;
  if (!usesSasl(values) || mechanism === null || mechanism === "OAUTHBEARER") return [];
  const missing = [
    ...(values.kafkaSaslUsername === null ? ["KAFKA_SASL_USERNAME"] : []),
    ...(values.kafkaSaslPassword === null ? ["KAFKA_SASL_PASSWORD (or ..._FILE)"] : []),
  ];
  if (missing.length === 0) return [];
  return [{
    place: placeOf("kafkaSaslMechanism"),
    message: `${mechanism} needs a user and a password`,
    fix: `set ${missing.join(" and ")}`,
  }];
}

function oauthProblems(values: Settings, placeOf: PlaceOf): Problem[] {
  if (!usesSasl(values) || values.kafkaSaslMechanism !== "OAUTHBEARER") return [];
  const ways = (["kafkaOauthToken", "kafkaOauthTokenFile", "kafkaOauthTokenUrl"] as const)
    .filter((key) => values[key] !== null);
  const problems: Problem[] = [];
  if (ways.length !== 1) {
    problems.push({
      place: ways.length === 0 ? placeOf("kafkaSaslMechanism") : ways.map(placeOf).join(", "),
      message: ways.length === 0
        ? "OAUTHBEARER needs a token"
        : "are several ways to get the same token",
      fix: "set one of KAFKA_SASL_OAUTHBEARER_TOKEN, KAFKA_SASL_OAUTHBEARER_TOKEN_FILE, and " +
        "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL with client id and secret",
    });
  }
  const { kafkaOauthTokenUrl, kafkaOauthClientId, kafkaOauthClientSecret } = values;
  const incomplete = kafkaOauthClientId === null || kafkaOauthClientSecret === null;
  if (kafkaOauthTokenUrl !== null && incomplete) {
    problems.push({
      place: placeOf("kafkaOauthTokenUrl"),
      message: "is set without a client id and secret",
      fix: "set KAFKA_SASL_OAUTHBEARER_CLIENT_ID and KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET",
    });
  }
  return problems;
}

function tlsProblems(values: Settings, placeOf: PlaceOf): Problem[] {
  const files = ["kafkaSslCa", "kafkaSslCertificate", "kafkaSslKey"] as const;
  const given = files.find((key) => values[key] !== null);
  if (!usesTls(values)) {
    if (given === undefined) return [];
    return [{
      place: placeOf(given),
      message: `is set, but the security protocol is ${values.kafkaSecurityProtocol}, which does ` +
        "not encrypt",
      fix: "set KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL, or remove it",
    }];
  }
  const { kafkaSslCertificate, kafkaSslKey, kafkaSslKeyPassword } = values;
  if ((kafkaSslCertificate === null) !== (kafkaSslKey === null)) {
    const withoutKey = kafkaSslKey === null;
    const missing = withoutKey ? "KAFKA_SSL_KEY_LOCATION" : "KAFKA_SSL_CERTIFICATE_LOCATION";
    return [{
      place: placeOf(withoutKey ? "kafkaSslCertificate" : "kafkaSslKey"),
      message: `is set without ${withoutKey ? "its key" : "its certificate"}`,
      fix: `set ${missing} as well`,
    }];
  }
  if (kafkaSslKey !== null || kafkaSslKeyPassword === null) return [];
  return [{
    place: placeOf("kafkaSslKeyPassword"),
    message: "is set without a key that it opens",
    fix: "set KAFKA_SSL_KEY_LOCATION and KAFKA_SSL_CERTIFICATE_LOCATION, or remove it",
  }];
}

function timeProblems(values: Settings, placeOf: PlaceOf): Problem[] {
  const { kafkaHeartbeatInterval, kafkaSessionTimeout } = values;
  if (kafkaHeartbeatInterval * 2 <= kafkaSessionTimeout) return [];
  return [{
    place: placeOf("kafkaHeartbeatInterval"),
    message: "is more than half of the session timeout: one late heartbeat would cost the " +
      "partitions",
    fix: "make it smaller (a third is usual), or the session timeout longer",
  }];
}
