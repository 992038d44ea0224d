import type {
  ConfigValidation,
  ConnectorConfig,
  ConnectorOffset,
  ConnectorOverview,
  ConnectorStatus,
  ConnectPlugin,
  TaskStatus,
  ValidatedField,
} from "./connect-types.ts";
import { asList, asObject, asText, objectsOf } from "./json-shape.ts";

/** Connect's answers as values; what newer versions add is passed over. All pure. */

/** `GET /connector-plugins`. */
export function readPlugins(body: unknown): ConnectPlugin[] {
  return objectsOf(body).map((plugin) => ({
    className: asText(plugin["class"]) ?? "",
    type: asText(plugin["type"]) ?? "",
    version: asText(plugin["version"]) ?? "unknown",
  }));
}

/** `PUT …/config/validate`. */
export function readValidation(body: unknown): ConfigValidation {
  const answer = asObject(body);
  const fields = objectsOf(answer?.["configs"]).map((field): ValidatedField => {
    const definition = asObject(field["definition"]);
    const value = asObject(field["value"]);
    return {
      name: asText(value?.["name"]) ?? asText(definition?.["name"]) ?? "",
      type: asText(definition?.["type"]) ?? "",
      errors: asList(value?.["errors"]).map(String),
    };
  });
  const errorCount = Number(answer?.["error_count"] ?? 0);
  return { kind: "validated", errorCount, fields };
}

/** `GET /connectors?expand=status&expand=info`, by name. */
export function readConnectors(body: unknown): ConnectorOverview[] {
  const found = Object.entries(asObject(body) ?? {}).map(([name, entry]) => {
    const { status, info } = asObject(entry) ?? {};
    return {
      name,
      status: asObject(status) === null ? null : readStatus(status, name),
      config: readConfig(asObject(info)?.["config"]),
    };
  });
  return found.toSorted((a, b) => a.name < b.name ? -1 : 1);
}

/** `GET /connectors/NAME/status`. */
export function readStatus(body: unknown, name: string): ConnectorStatus {
  const answer = asObject(body) ?? {};
  const connector = asObject(answer["connector"]) ?? {};
  return {
    name: asText(answer["name"]) ?? name,
    type: asText(answer["type"]) ?? "",
    state: asText(connector["state"]) ?? "UNASSIGNED",
    worker: asText(connector["worker_id"]) ?? "",
    trace: asText(connector["trace"]),
    tasks: objectsOf(answer["tasks"]).map((task): TaskStatus => ({
      id: Number(task["id"] ?? 0),
      state: asText(task["state"]) ?? "UNASSIGNED",
      worker: asText(task["worker_id"]) ?? "",
      trace: asText(task["trace"]),
    })).toSorted((a, b) => a.id - b.id),
  };
}

/** `GET /connectors/NAME/config`. */
export function readConfig(body: unknown): ConnectorConfig {
  return Object.fromEntries(
    Object.entries(asObject(body) ?? {}).map(([key, value]) => [key, asText(value) ?? ""]),
  );
}

/** `GET /connectors/NAME/offsets`. */
export function readOffsets(body: unknown): ConnectorOffset[] {
  return objectsOf(asObject(body)?.["offsets"]).map(({ partition, offset }) => ({
    partition,
    offset,
  }));
}
