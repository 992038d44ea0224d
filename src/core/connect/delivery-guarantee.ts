import {
  captureModeOf,
  configFlag,
  configList,
  configValue,
  flatteningTransform,
  hasFullDocuments,
} from "./connector-config.ts";
import type { ConnectorConfig } from "./connect-types.ts";

/** What a change in MongoDB can count on, from the source to the Delta table. */
export type DeliveryGuarantee = {
  /** `lossy`: by its configuration the connector may pass over changes. */
  readonly level: "exactly-once" | "at-least-once" | "lossy";
  /** One sentence for people. */
  readonly text: string;
  /** What makes it weaker than it could be, each with its key. */
  readonly weakened: readonly string[];
  /** What it does not cover at all. */
  readonly limits: readonly string[];
};

const texts: Readonly<Record<DeliveryGuarantee["level"], string>> = {
  "exactly-once": "exactly once: each change is in the Delta table once, whatever dies and " +
    "restarts on the way (transactions in Kafka, positions in the Delta log)",
  "at-least-once":
    "at least once: nothing is lost, but after a restart of Connect changes may be " +
    "in Kafka, and so in the table, twice",
  "lossy": "not all changes: by its configuration the connector may pass over some of them " +
    "without stopping",
};

/**
 * The guarantee that results end to end from a connector's configuration.
 * `workerExactlyOnce`: whether the worker writes in transactions; null: unknown. Pure.
 */
export function deliveryGuarantee(
  config: ConnectorConfig,
  { workerExactlyOnce }: { readonly workerExactlyOnce: boolean | null },
): DeliveryGuarantee {
  const losses = lossesOf(config);
  const doubles = doublesOf(config, workerExactlyOnce);
  const level = losses.length > 0 ? "lossy" : doubles.length > 0 ? "at-least-once" : "exactly-once";
  return {
    level,
    text: texts[level],
    weakened: [...losses, ...doubles, ...weakerContent(config)],
    limits: limitsOf(config),
  };
}

function lossesOf(config: ConnectorConfig): string[] {
  const found: string[] = [];
  if (configValue(config, "errors.tolerance", "none").toLowerCase() === "all") {
    found.push(
      "errors.tolerance=all: documents that a converter or transform fails on are dropped",
    );
  }
  const failure = configValue(config, "event.processing.failure.handling.mode", "fail");
  if (failure.toLowerCase() !== "fail") {
    found.push(
      `event.processing.failure.handling.mode=${failure}: changes that fail are passed over`,
    );
  }
  if (configValue(config, "cursor.oversize.handling.mode", "fail").toLowerCase() === "skip") {
    found.push("cursor.oversize.handling.mode=skip: changes above the size limit are passed over");
  }
  const skipped = configList(config, "skipped.operations").filter((op) => /^[cud]$/i.test(op));
  if (skipped.length > 0) {
    found.push(`skipped.operations=${skipped.join(",")}: these operations are not captured`);
  }
  if (configValue(config, "cursor.pipeline") !== "") {
    found.push("cursor.pipeline: changes that it filters out are not captured");
  }
  if (transformClasses(config).some((name) => /Filter(\$|$)/.test(name))) {
    found.push("transforms: records that a Filter drops never reach Kafka");
  }
  const deletes = flatteningValue(config, "delete.tombstone.handling.mode", "tombstone");
  if (deletes !== null && !deletes.startsWith("rewrite")) {
    found.push(
      `delete.tombstone.handling.mode=${deletes}: deletes reach the table as tombstones or not ` +
        "at all; use rewrite-with-tombstone",
    );
  }
  return found;
}

function doublesOf(config: ConnectorConfig, workerExactlyOnce: boolean | null): string[] {
  const found: string[] = [];
  const support = configValue(config, "exactly.once.support", "requested").toLowerCase();
  if (workerExactlyOnce === false) {
    found.push("the worker: exactly.once.source.support is not enabled");
  } else if (workerExactlyOnce === null && support !== "required") {
    found.push(`exactly.once.support=${support}: nothing makes sure that the worker has it`);
  }
  const boundary = configValue(config, "transaction.boundary", "poll").toLowerCase();
  if (boundary !== "poll") {
    found.push(`transaction.boundary=${boundary}: Debezium's offsets need poll`);
  }
  return found;
}

function weakerContent(config: ConnectorConfig): string[] {
  const found: string[] = [];
  if (flatteningValue(config, "add.fields", "") !== null) {
    found.push(
      "ExtractNewDocumentState: loses types (Decimal128, NaN, dates in keys, Timestamp) and fails " +
        "on some documents; the plain envelope does not",
    );
  }
  const mode = captureModeOf(config);
  if (!hasFullDocuments(mode)) {
    found.push(`capture.mode=${mode}: updates carry the changed fields only`);
  }
  return found;
}

function limitsOf(config: ConnectorConfig): string[] {
  const limits = [
    "a snapshot that is interrupted starts again and reads rows again (_cdc_operation read)",
  ];
  if (
    hasFullDocuments(captureModeOf(config)) &&
    configValue(config, "capture.mode.full.update.type", "lookup").toLowerCase() === "lookup"
  ) {
    limits.push(
      "an update carries the document as it was when Debezium looked it up, which may be later " +
        "than the update",
    );
  }
  if (!configFlag(config, "tombstones.on.delete", true)) {
    limits.push("tombstones.on.delete=false: compacted topics keep deleted documents");
  }
  limits.push("dropping or renaming a collection is no event: its rows stay");
  return limits;
}

/** The classes of the transforms, in order. Pure. */
export function transformClasses(config: ConnectorConfig): string[] {
  return configList(config, "transforms").map((name) =>
    configValue(config, `transforms.${name}.type`)
  );
}

/** A setting of the flattening transform; null where there is no such transform. Pure. */
export function flatteningValue(
  config: ConnectorConfig,
  key: string,
  fallback: string,
): string | null {
  const name = configList(config, "transforms").find((each) =>
    configValue(config, `transforms.${each}.type`) === flatteningTransform
  );
  return name === undefined ? null : configValue(config, `transforms.${name}.${key}`, fallback);
}
