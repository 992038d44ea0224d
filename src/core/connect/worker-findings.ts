import type { ConfigValidation, ConnectorConfig, ConnectPlugin } from "./connect-types.ts";
import { configValue } from "./connector-config.ts";
import { type Finding, okay, problem, warning } from "./finding.ts";

const exactlyOnceKey = "exactly.once.support";

/** Whether the connector's class is installed, and in which version. Pure. */
export function pluginFinding(plugins: readonly ConnectPlugin[], config: ConnectorConfig): Finding {
  const className = configValue(config, "connector.class");
  if (className === "") {
    return problem("connector.class", "is missing", "write it into the configuration");
  }
  const shortName = (name: string): string => name.split(".").at(-1) ?? name;
  const plugin = plugins.find((each) =>
    each.className === className ||
    [shortName(each.className), shortName(each.className).replace(/Connector$/, "")]
      .includes(className)
  );
  if (plugin !== undefined) return okay("plugin", `${plugin.className} ${plugin.version}`);
  const sources = plugins.filter(({ type }) => type === "source").map((p) => p.className);
  return problem(
    "plugin",
    `${className} is not installed in this Connect`,
    `put the plugin's folder into the worker's plugin.path and restart it; source connectors that ` +
      `are there: ${sources.length === 0 ? "none" : sources.join(", ")}`,
  );
}

/** Connect's own errors, one finding a field and error; says so when there are none. Pure. */
export function validationFindings(validation: ConfigValidation): Finding[] {
  if (validation.kind === "refused") {
    return [problem(
      "configuration",
      `Kafka Connect refuses it: ${validation.message}`,
      "correct the configuration",
    )];
  }
  const wrong = validation.fields.filter(({ errors }) => errors.length > 0);
  const findings = wrong.flatMap(({ name, errors }) =>
    errors.map((error) => {
      const text = error.replace(/^The '[^']*' value is invalid: /, "").replace(/\s+/g, " ");
      return problem(name, text, fixOf(name, text));
    })
  );
  if (findings.length > 0) return findings;
  if (validation.errorCount > 0) {
    const text = `Kafka Connect finds ${validation.errorCount} errors, but does not name them`;
    return [problem("configuration", text, "look into the worker's log")];
  }
  return [okay("configuration", "valid, says Kafka Connect")];
}

const knownFixes: readonly (readonly [RegExp, string])[] = [
  [
    /worker does not have exactly-once|exactly-once (source )?support (is not |not )?enabled/i,
    "set exactly.once.source.support=enabled on every worker (by way of preparing on a running " +
    "cluster), or exactly.once.support=requested for at-least-once",
  ],
  [
    /rights to list databases|privileges/i,
    "grant the user the role readAnyDatabase, or read on " +
    "the captured databases, and changeStream",
  ],
  [/replica set not specified/i, "add ?replicaSet=NAME to the connection string"],
  [
    /unable to connect|timed out/i,
    "check that Connect's host reaches MongoDB: host, port, " +
    "firewall, TLS, user",
  ],
  [/value is required|missing/i, "write a value"],
];

function fixOf(name: string, text: string): string {
  const known = knownFixes.find(([pattern]) => pattern.test(text));
  return known === undefined ? `correct ${name}` : known[1];
}

/**
 * Whether the worker writes in transactions, told by validating with `exactly.once.support=required`:
 * null where the answer does not tell. Pure.
 */
export function workerExactlyOnce(validation: ConfigValidation): boolean | null {
  if (validation.kind === "refused") return null;
  const field = validation.fields.find(({ name }) => name === exactlyOnceKey);
  if (field === undefined) return null;
  if (field.errors.length === 0) return true;
  return field.errors.some((error) => /worker/i.test(error)) ? false : null;
}

/** What is to be said of exactly-once where validation alone says nothing. Pure. */
export function exactlyOnceFinding(config: ConnectorConfig, worker: boolean | null): Finding {
  const support = configValue(config, exactlyOnceKey, "requested").toLowerCase();
  if (worker === true) {
    return support === "required"
      ? okay("exactly once", "the worker writes in transactions, the connector requires it")
      : warning(
        exactlyOnceKey,
        `is ${support}: on a worker without transactions nobody would notice`,
        "set exactly.once.support=required",
      );
  }
  const text = worker === false
    ? "the worker does not write in transactions: changes may be in Kafka twice after a restart"
    : "it is not known whether the worker writes in transactions";
  return warning("exactly once", text, "set exactly.once.source.support=enabled on every worker");
}
