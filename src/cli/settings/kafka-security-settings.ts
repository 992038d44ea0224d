import { choice, text, toggle } from "./basic-types.ts";
import { httpUrl } from "./checked-types.ts";
import { setting } from "./setting.ts";

const plain = (placeholder: string) => text({ placeholder, form: "text" });

/** The commands that talk to Kafka. */
const commands = ["run", "replay", "snapshot", "deploy-connector"] as const;

/** How Kafka knows us and we know Kafka; named as users of librdkafka know it. */
export const kafkaSecuritySettings = {
  kafkaSecurityProtocol: setting({
    type: choice(["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], "<protocol>"),
    default: "PLAINTEXT",
    env: [{ name: "KAFKA_SECURITY_PROTOCOL" }],
    group: "Kafka security",
    description: "Encryption and authentication of connections to brokers: PLAINTEXT, SSL, " +
      "SASL_PLAINTEXT or SASL_SSL",
    commands,
  }),
  kafkaSaslMechanism: setting({
    type: choice(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"], "<mechanism>"),
    default: null,
    env: [{ name: "KAFKA_SASL_MECHANISM" }],
    group: "Kafka security",
    description: "How to authenticate: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER",
    commands,
  }),
  kafkaSaslUsername: setting({
    type: plain("<name>"),
    default: null,
    env: [{ name: "KAFKA_SASL_USERNAME" }],
    group: "Kafka security",
    description: "User for PLAIN and SCRAM",
    commands,
  }),
  kafkaSaslPassword: setting({
    type: plain("<password>"),
    default: null,
    env: [{ name: "KAFKA_SASL_PASSWORD" }],
    group: "Kafka security",
    description: "Password for PLAIN and SCRAM. Prefer the environment: flags are visible to " +
      "other processes",
    secret: true,
    commands,
  }),
  kafkaOauthToken: setting({
    type: plain("<token>"),
    default: null,
    env: [{ name: "KAFKA_SASL_OAUTHBEARER_TOKEN" }],
    group: "Kafka security",
    description: "Token for OAUTHBEARER that does not change while running",
    secret: true,
    commands,
  }),
  kafkaOauthTokenFile: setting({
    type: plain("<file>"),
    default: null,
    env: [{ name: "KAFKA_SASL_OAUTHBEARER_TOKEN_FILE" }],
    group: "Kafka security",
    description: "File with the token for OAUTHBEARER, read again for each authentication",
    commands,
  }),
  kafkaOauthTokenUrl: setting({
    type: httpUrl(),
    default: null,
    env: [{ name: "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL" }],
    group: "Kafka security",
    description: "Where tokens for OAUTHBEARER are asked for with client credentials",
    commands,
  }),
  kafkaOauthClientId: setting({
    type: plain("<id>"),
    default: null,
    env: [{ name: "KAFKA_SASL_OAUTHBEARER_CLIENT_ID" }],
    group: "Kafka security",
    description: "Client id at the token URL",
    commands,
  }),
  kafkaOauthClientSecret: setting({
    type: plain("<secret>"),
    default: null,
    env: [{ name: "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET" }],
    group: "Kafka security",
    description: "Client secret at the token URL",
    secret: true,
    commands,
  }),
  kafkaOauthScope: setting({
    type: plain("<scope>"),
    default: null,
    env: [{ name: "KAFKA_SASL_OAUTHBEARER_SCOPE" }],
    group: "Kafka security",
    description: "Scope to ask for at the token URL",
    commands,
  }),
  kafkaSslCa: setting({
    type: plain("<file>"),
    default: null,
    defaultText: "those of the system",
    env: [{ name: "KAFKA_SSL_CA_LOCATION" }],
    group: "Kafka security",
    description: "PEM file of the certificates to trust",
    commands,
  }),
  kafkaSslCertificate: setting({
    type: plain("<file>"),
    default: null,
    env: [{ name: "KAFKA_SSL_CERTIFICATE_LOCATION" }],
    group: "Kafka security",
    description: "PEM file of our certificate",
    commands,
  }),
  kafkaSslKey: setting({
    type: plain("<file>"),
    default: null,
    env: [{ name: "KAFKA_SSL_KEY_LOCATION" }],
    group: "Kafka security",
    description: "PEM file of our certificate's private key",
    commands,
  }),
  kafkaSslKeyPassword: setting({
    type: plain("<password>"),
    default: null,
    env: [{ name: "KAFKA_SSL_KEY_PASSWORD" }],
    group: "Kafka security",
    description: "Password of the private key",
    secret: true,
    commands,
  }),
  kafkaSslVerify: setting({
    type: toggle(),
    default: true,
    env: [{ name: "KAFKA_SSL_VERIFY" }],
    group: "Kafka security",
    description: "Refuse brokers whose certificate is not trusted or names another host",
    commands,
  }),
} as const;
