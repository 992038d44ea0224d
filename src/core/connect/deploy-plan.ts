import {
  type ConfigChange,
  configChanges,
  hasOffsetsFor,
  offsetsAfterRecreate,
  recreatingChanges,
} from "./connector-diff.ts";
import { configValue } from "./connector-config.ts";
import type { ConnectorConfig, ConnectorOffset } from "./connect-types.ts";

/** How a wanted configuration comes about. */
export type DeployPlan =
  | { readonly kind: "create"; readonly changes: readonly ConfigChange[] }
  | { readonly kind: "unchanged" }
  | { readonly kind: "update"; readonly changes: readonly ConfigChange[] }
  | {
    readonly kind: "recreate";
    readonly changes: readonly ConfigChange[];
    /** Why changing it in place will not do. */
    readonly reason: string;
    /** What becomes of the place where the connector goes on. */
    readonly offsets: string;
    readonly resetOffsets: boolean;
  };

export type DeployWishes = { readonly recreate: boolean; readonly resetOffsets: boolean };

/** What Connect holds of a connector. */
export type Deployed = {
  readonly config: ConnectorConfig;
  /** Empty where Connect cannot tell them (before 3.5). */
  readonly offsets: readonly ConnectorOffset[];
};

/** Decides how to get from what is deployed (null: nothing) to the wanted configuration. Pure. */
export function planDeploy(
  deployed: Deployed | null,
  wanted: ConnectorConfig,
  { recreate, resetOffsets }: DeployWishes,
): DeployPlan {
  const changes = configChanges(deployed?.config ?? {}, wanted);
  if (deployed === null) return { kind: "create", changes };
  const forced = recreatingChanges(changes).map(({ key }) => key);
  const reasons = [
    ...(forced.length > 0 ? [`${forced.join(" and ")} changed`] : []),
    ...(recreate ? ["--recreate"] : []),
    ...(resetOffsets ? ["--reset-offsets"] : []),
  ];
  if (reasons.length > 0) {
    const snapshotMode = configValue(wanted, "snapshot.mode", "initial");
    const hasOffsets = hasOffsetsFor(deployed.offsets, configValue(wanted, "topic.prefix"));
    const offsets = offsetsAfterRecreate(changes, {
      reset: resetOffsets,
      hasOffsets,
      snapshotMode,
    });
    return { kind: "recreate", changes, reason: reasons.join(", "), offsets, resetOffsets };
  }
  return changes.length === 0 ? { kind: "unchanged" } : { kind: "update", changes };
}

const captureKeys = [
  "collection.include.list",
  "collection.exclude.list",
  "database.include.list",
  "database.exclude.list",
];

/** What a user may not expect of a change in place. Pure. */
export function changeNotes(changes: readonly ConfigChange[]): string[] {
  const notes: string[] = [];
  if (changes.some(({ key }) => captureKeys.includes(key))) {
    notes.push(
      "collections that are captured from now on start with what happens from now on: " +
        "cdcdelta snapshot db.collection reads the documents they already hold",
    );
  }
  if (changes.some(({ key }) => key.startsWith("snapshot."))) {
    notes.push("snapshot settings matter for a new snapshot only; the stored position stays");
  }
  return notes;
}
