import { duration, text, toggle, wholeNumber } from "./basic-types.ts";
import { httpPort, httpUrl } from "./checked-types.ts";
import { setting, tableCommands } from "./setting.ts";

/** Where a run on Kafka listens unless told otherwise. */
export const defaultHttpPort = 8001;

/** How a run is looked after: retries, HTTP endpoints, shutdown, traces. */
export const operationSettings = {
  retries: setting({
    type: wholeNumber({ min: 1, max: 1000, example: "10", placeholder: "<times>" }),
    default: 10,
    group: "Operation",
    description: "Times that a request to Kafka or to the object store is tried, with growing " +
      "random pauses, before the run ends",
    commands: ["run", "replay", "snapshot", ...tableCommands],
  }),
  compact: setting({
    type: toggle(),
    default: true,
    group: "Operation",
    description: "Merge the small files of closed _ingestion_date partitions while a run that " +
      "follows Kafka keeps up with it",
    commands: ["run"],
  }),
  compactAfter: setting({
    type: duration({ min: 0, max: 86_400_000, example: "10m" }),
    default: 600_000,
    group: "Operation",
    description:
      "Time after the end of a day (UTC) until its _ingestion_date partition is merged. " +
      "An instance waits up to twice as long again, also after its start, so that the instances " +
      "of a group rarely do the same work",
    commands: ["run"],
  }),
  compactQuiet: setting({
    type: duration({ min: 1000, max: 86_400_000, example: "1m" }),
    default: 60_000,
    group: "Operation",
    description: "Time that a run must have kept up with Kafka before it merges small files; it " +
      "stops merging once it falls more than 10,000 records behind",
    commands: ["run"],
  }),
  shutdownGrace: setting({
    type: duration({ min: 0, max: 86_400_000, example: "30s" }),
    default: 30_000,
    group: "Operation",
    description: "Time after SIGTERM or SIGINT to commit what was read. What is not committed by " +
      "then is given up and read again next time",
    commands: ["run", "replay"],
  }),
  httpPort: setting({
    type: httpPort(),
    default: "auto",
    defaultText: "`auto`: 8001 while a run streams from Kafka, otherwise off",
    group: "Operation",
    description: "Port of /metrics, /healthz and /readyz",
    commands: ["run", "health"],
  }),
  httpHost: setting({
    type: text({ placeholder: "<address>", form: "an address or host name" }),
    default: "0.0.0.0",
    group: "Operation",
    description: "Address that /metrics, /healthz and /readyz listen on; 127.0.0.1 keeps them to " +
      "this machine",
    commands: ["run", "health"],
  }),
  otlpEndpoint: setting({
    type: httpUrl(),
    default: null,
    env: [{ name: "OTEL_EXPORTER_OTLP_ENDPOINT" }],
    group: "Operation",
    description: "OpenTelemetry collector that gets a span for each flush and commit, as JSON " +
      "over HTTP; /v1/traces is added",
    commands: ["run", "health"],
  }),
  otlpTracesEndpoint: setting({
    type: httpUrl(),
    default: null,
    env: [{ name: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" }],
    group: "Operation",
    description: "The same by its whole URL",
    commands: ["run"],
  }),
  otlpHeaders: setting({
    type: text({ placeholder: "<name=value,...>", form: "`name=value` separated by commas" }),
    default: null,
    env: [{ name: "OTEL_EXPORTER_OTLP_HEADERS" }],
    group: "Operation",
    description: "Headers for the collector, such as an API key",
    secret: true,
    commands: ["run"],
  }),
  otlpServiceName: setting({
    type: text({ placeholder: "<name>", form: "text" }),
    default: "cdcdelta",
    env: [{ name: "OTEL_SERVICE_NAME" }],
    group: "Operation",
    description: "Name of this service in traces",
    commands: ["run"],
  }),
} as const;
