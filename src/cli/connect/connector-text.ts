import type { ConfigChange } from "../../core/connect/connector-diff.ts";
import type { Redactor } from "../../core/connect/connector-secrets.ts";
import type {
  ConnectorOffset,
  ConnectorOverview,
  ConnectorStatus,
} from "../../core/connect/connect-types.ts";
import type { DeliveryGuarantee } from "../../core/connect/delivery-guarantee.ts";
import { failureHint, shortTrace } from "../../core/connect/failure-trace.ts";
import type { Finding } from "../../core/connect/finding.ts";
import { asObject } from "../../core/connect/json-shape.ts";
import { tableText } from "../output/table-text.ts";

/** What deploy-connector prints for people. All pure; what may hold secrets was redacted before. */

const marks: Readonly<Record<Finding["state"], string>> = {
  ok: "ok",
  warning: "warning",
  problem: "PROBLEM",
  skipped: "skipped",
};

/** One line a finding, and one for what to do about it. */
export function findingText({ state, subject, text, fix }: Finding): string {
  const line = `${marks[state].padEnd(9)}${subject}: ${text}\n`;
  return fix === null ? line : `${line}${" ".repeat(9)}→ ${fix}\n`;
}

/** `+ key = value`, `- key = value`, `~ key: before → after`. */
export function changeText(change: ConfigChange, redact: Redactor): string {
  const shown = (value: string): string => redact.value(change.key, value);
  switch (change.kind) {
    case "added":
      return `  + ${change.key} = ${shown(change.after)}\n`;
    case "removed":
      return `  - ${change.key} = ${shown(change.before)}\n`;
    case "changed": {
      const [before, after] = [shown(change.before), shown(change.after)];
      const isHidden = redact.isSecret(change.key) || before === after;
      return `  ~ ${change.key}: ${isHidden ? "<changed>" : `${before} → ${after}`}\n`;
    }
  }
}

/** The guarantee with what weakens and what limits it. */
export function guaranteeText({ text, weakened, limits }: DeliveryGuarantee): string {
  const lines = [`Delivery, from MongoDB to the Delta table: ${text}`];
  for (const each of weakened) lines.push(`  weaker by ${each}`);
  for (const each of limits) lines.push(`  note: ${each}`);
  return `${lines.join("\n")}\n`;
}

/** `RUNNING, task 0 RUNNING`. */
export function stateText(status: ConnectorStatus | null): string {
  if (status === null) return "no status yet";
  const tasks = status.tasks.map(({ id, state }) => `task ${id} ${state}`);
  return [status.state, ...(tasks.length === 0 ? ["no task"] : tasks)].join(", ");
}

/** The traces of what has failed, in short, each with a hint where its cause is known. */
export function failuresText(status: ConnectorStatus, redact: Redactor): string {
  const failures = [
    ...(status.state === "FAILED" ? [["the connector", status.trace] as const] : []),
    ...status.tasks.filter(({ state }) => state === "FAILED")
      .map(({ id, trace }) => [`task ${id}`, trace] as const),
  ];
  return failures.map(([what, trace]) => {
    const text = redact.text(trace ?? "no reason was given; the worker's log may have it");
    const lines = [`${what} has FAILED:`, ...shortTrace(text).map((line) => `  ${line}`)];
    const hint = failureHint(text);
    if (hint !== null) lines.push(`  → ${hint}`);
    return `${lines.join("\n")}\n`;
  }).join("");
}

/** All connectors of the cluster in a table. */
export function connectorsText(connectors: readonly ConnectorOverview[]): string {
  if (connectors.length === 0) return "no connectors\n";
  return tableText(
    ["connector", "type", "state", "tasks", "class"],
    connectors.map(({ name, status, config }) => [
      name,
      status?.type ?? null,
      status?.state ?? null,
      status === null ? null : status.tasks.map(({ state }) => state).join(", ") || "none",
      (config["connector.class"] ?? "").split(".").at(-1) ?? "",
    ]),
  );
}

/** Offsets, Debezium's with the time of their position. */
export function offsetsText(offsets: readonly ConnectorOffset[]): string {
  if (offsets.length === 0) return "no offsets: the connector has not stored a position yet\n";
  return offsets.map(({ partition, offset }) => {
    const facts = asObject(offset);
    const seconds = Number(facts?.["sec"] ?? 0);
    const lines = [`partition ${JSON.stringify(partition)}`];
    if (seconds > 0) {
      lines.push(
        `  position  ${new Date(seconds * 1000).toISOString()}, ord ${String(facts?.["ord"])}`,
      );
    }
    if (facts?.["initsync"] === true) {
      lines.push("  snapshot  the initial snapshot is not complete");
    }
    for (const [key, value] of Object.entries(facts ?? {})) {
      if (["sec", "ord", "initsync"].includes(key) || value === null) continue;
      const text = typeof value === "string" ? value : JSON.stringify(value);
      lines.push(`  ${key}  ${text.length > 60 ? `${text.slice(0, 57)}...` : text}`);
    }
    return `${lines.join("\n")}\n`;
  }).join("");
}
