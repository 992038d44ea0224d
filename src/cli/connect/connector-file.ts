import { readFileSync } from "node:fs";
import { isMap, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import shipped from "../../../deploy/kafka-connect/debezium-mongodb.json" with { type: "json" };
import type { ConnectorConfig } from "../../core/connect/connect-types.ts";
import { asObject } from "../../core/connect/json-shape.ts";
import { messageOf } from "../../errors.ts";
import { expandVariables } from "../settings/expand-variables.ts";
import type { Problem } from "../settings/problem.ts";

type Env = Readonly<Record<string, string | undefined>>;
type Path = readonly PropertyKey[];
type PlaceOf = (path: Path) => string;

/** A connector's configuration as a file says it, checked and with its variables replaced. */
export type ConnectorFile = {
  /** Null: the file names none. */
  readonly name: string | null;
  readonly config: ConnectorConfig;
  readonly problems: readonly Problem[];
};

const variableFix = "Connect's own references, such as ${file:…}, stay as they are";

/** Reads a connector's file: `{name, config}` or the configuration alone; every problem at once. */
export function readConnectorFile(path: string, env: Env): ConnectorFile {
  try {
    return parseConnectorFile(readFileSync(path, "utf8"), { path, env });
  } catch (error) {
    const message = `the connector's file cannot be read: ${messageOf(error)}`;
    const fix = "correct the path, or leave it out for the configuration that is built in";
    return { name: null, config: {}, problems: [{ place: path, message, fix }] };
  }
}

/** The same for a text that was read already. */
export function parseConnectorFile(
  json: string,
  { path, env }: { readonly path: string; readonly env: Env },
): ConnectorFile {
  const lines = new LineCounter();
  // A JSON text is a YAML text, and this parser knows in which line things stand.
  const document = parseDocument(json, {
    lineCounter: lines,
    prettyErrors: false,
    intAsBigInt: true,
  });
  const syntax = document.errors.map((error): Problem => ({
    place: `${path}:${lines.linePos(error.pos[0]).line}`,
    message: `not valid JSON: ${error.message}`,
    fix: "correct the file's syntax",
  }));
  if (syntax.length > 0) return { name: null, config: {}, problems: syntax };
  const placeOf: PlaceOf = (at) => {
    const offset = offsetOf(document.contents, at);
    const line = offset === null ? "" : `:${lines.linePos(offset).line}`;
    const key = at.at(-1);
    return key === undefined ? `${path}${line}` : `${path}${line} ${String(key)}`;
  };
  return connectorFileOf(document.toJS({ maxAliasCount: 100 }), env, placeOf);
}

/** The configuration that is built in, with variables replaced. */
export function shippedConnector(env: Env): ConnectorFile {
  return connectorFileOf(
    shipped,
    env,
    (at) => `built-in debezium-mongodb.json ${at.map(String).at(-1) ?? ""}`.trimEnd(),
  );
}

function connectorFileOf(raw: unknown, env: Env, placeOf: PlaceOf): ConnectorFile {
  const problems: Problem[] = [];
  const expanded = asObject(
    expandVariables(raw, env, (at, message, fix) => {
      problems.push({ place: placeOf(at), message, fix: `${fix}; ${variableFix}` });
    }, { keepReferences: true }),
  );
  if (expanded === null) {
    const message = "is not a connector's configuration";
    const fix = 'write {"name": …, "config": {…}}, or the configuration alone';
    return { name: null, config: {}, problems: [{ place: placeOf([]), message, fix }] };
  }
  const wrapped = asObject(expanded["config"]);
  const at: Path = wrapped === null ? [] : ["config"];
  if (wrapped !== null) problems.push(...wrapperProblems(expanded, placeOf));
  const config: Record<string, string> = {};
  for (const [key, value] of Object.entries(wrapped ?? expanded)) {
    const text = valueText(value);
    if (text === null) problems.push(valueProblem(placeOf([...at, key]), value));
    else config[key] = text;
  }
  const outer = wrapped === null ? null : valueText(expanded["name"] ?? "");
  const inner = config["name"] ?? null;
  if (outer !== null && outer !== "" && inner !== null && inner !== outer) {
    const message = `is "${inner}" here and "${outer}" outside of config`;
    problems.push({ place: placeOf([...at, "name"]), message, fix: "name it once" });
  }
  const name = (outer === "" ? null : outer) ?? inner;
  return { name: name === "" ? null : name, config, problems };
}

/** What `GET /connectors/NAME` gives has more keys, which mean nothing here. */
function wrapperProblems(
  outer: Readonly<Record<string, unknown>>,
  placeOf: PlaceOf,
): Problem[] {
  return Object.keys(outer).filter((key) => !["name", "config", "tasks", "type"].includes(key))
    .map((key) => ({
      place: placeOf([key]),
      message: "does not belong beside name and config",
      fix: "move it into config, or remove it",
    }));
}

function valueText(value: unknown): string | null {
  if (typeof value === "string") return value;
  return ["number", "boolean", "bigint"].includes(typeof value) ? String(value) : null;
}

function valueProblem(place: string, value: unknown): Problem {
  if (value === null) {
    return { place, message: "has no value", fix: "write a value, or leave the key out" };
  }
  const what = Array.isArray(value) ? "a list" : "an object";
  const fix = Array.isArray(value)
    ? "write one text with commas between"
    : "write keys with dots, such as transforms.unwrap.type";
  return { place, message: `is ${what}; Connect takes texts only`, fix };
}

/** The place of a key in the file's text, or of the nearest node above it. */
function offsetOf(root: Node | null, path: Path): number | null {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? null;
  for (const segment of path) {
    if (!isMap(node)) return offset;
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === segment);
    if (pair === undefined) return offset;
    offset = isScalar(pair.key) ? pair.key.range?.[0] ?? offset : offset;
    node = pair.value;
  }
  return offset;
}
