import { duration, text, wholeNumber } from "./basic-types.ts";
import { httpUrl } from "./checked-types.ts";
import { setting } from "./setting.ts";

const plain = (placeholder: string) => text({ placeholder, form: "text" });
const tries = (example: string) =>
  wholeNumber({ min: 1, max: 10_000, example, placeholder: "<tries>" });

/** How Kafka Connect is reached, and how long it is waited for. */
export const connectSettings = {
  connectUrl: setting({
    type: httpUrl(),
    default: "http://localhost:8083",
    env: [{ name: "KAFKA_CONNECT_URL" }],
    group: "Kafka Connect",
    description: "REST interface of Kafka Connect; a path before Connect's own may be part of it",
    commands: ["deploy-connector", "snapshot"],
  }),
  connectUsername: setting({
    type: plain("<name>"),
    default: null,
    env: [{ name: "KAFKA_CONNECT_USERNAME" }],
    group: "Kafka Connect",
    description: "User for basic authentication",
    commands: ["deploy-connector", "snapshot"],
  }),
  connectPassword: setting({
    type: plain("<password>"),
    default: null,
    env: [{ name: "KAFKA_CONNECT_PASSWORD" }],
    group: "Kafka Connect",
    description:
      "Password for basic authentication. Prefer the environment: flags are visible to " +
      "other processes",
    secret: true,
    commands: ["deploy-connector", "snapshot"],
  }),
  connectCa: setting({
    type: plain("<file>"),
    default: null,
    defaultText: "the usual authorities",
    env: [{ name: "KAFKA_CONNECT_CA_LOCATION" }],
    group: "Kafka Connect",
    description: "PEM file of certificates to trust beside the usual ones",
    commands: ["deploy-connector", "snapshot"],
  }),
  connectRequestTimeout: setting({
    type: duration({ min: 100, max: 3_600_000, example: "100s" }),
    default: 100_000,
    env: [{ name: "KAFKA_CONNECT_REQUEST_TIMEOUT_MS", bareNumberIs: "ms" }],
    group: "Kafka Connect",
    description: "Time for an answer of Connect, which itself gives up after 90 s",
    commands: ["deploy-connector", "snapshot"],
  }),
  connectorName: setting({
    type: plain("<name>"),
    default: null,
    defaultText: "the name in the connector's file",
    env: [{ name: "CONNECTOR_NAME" }],
    group: "Kafka Connect",
    description: "Name of the connector",
    commands: ["deploy-connector", "snapshot"],
  }),
  connectWaitTries: setting({
    type: tries("30"),
    default: 30,
    env: [{ name: "KAFKA_CONNECT_WAIT_TRIES" }],
    group: "Kafka Connect",
    description: "Times Connect is asked whether it is ready",
    commands: ["deploy-connector"],
  }),
  connectWaitInterval: setting({
    type: duration({ min: 1, max: 3_600_000, example: "5s" }),
    default: 5000,
    env: [{ name: "KAFKA_CONNECT_WAIT_INTERVAL_MS", bareNumberIs: "ms" }],
    group: "Kafka Connect",
    description: "Time between two of them",
    commands: ["deploy-connector"],
  }),
  connectVerifyTries: setting({
    type: tries("10"),
    default: 10,
    env: [{ name: "KAFKA_CONNECT_VERIFY_TRIES" }],
    group: "Kafka Connect",
    description: "Times a deployed connector is looked at; it and all tasks must be seen running " +
      "three times in a row",
    commands: ["deploy-connector"],
  }),
  connectVerifyInterval: setting({
    type: duration({ min: 1, max: 3_600_000, example: "2s" }),
    default: 2000,
    env: [{ name: "KAFKA_CONNECT_VERIFY_INTERVAL_MS", bareNumberIs: "ms" }],
    group: "Kafka Connect",
    description: "Time between two looks",
    commands: ["deploy-connector"],
  }),
} as const;
