import type { ConnectorConfig, ConnectorOffset } from "./connect-types.ts";
import { asObject } from "./json-shape.ts";

export type ConfigChange =
  | { readonly kind: "added"; readonly key: string; readonly after: string }
  | { readonly kind: "removed"; readonly key: string; readonly before: string }
  | {
    readonly kind: "changed";
    readonly key: string;
    readonly before: string;
    readonly after: string;
  };

/** Keys of which a change makes another connector out of it. */
const identityKeys = ["connector.class", "topic.prefix"];

/** What differs between the deployed and the wanted configuration, by key. Pure. */
export function configChanges(deployed: ConnectorConfig, wanted: ConnectorConfig): ConfigChange[] {
  const keys = [...new Set([...Object.keys(deployed), ...Object.keys(wanted)])]
    .filter((key) => key !== "name").toSorted();
  return keys.flatMap((key): ConfigChange[] => {
    const before = deployed[key];
    const after = wanted[key];
    if (before === after) return [];
    if (before === undefined) return [{ kind: "added", key, after: after ?? "" }];
    if (after === undefined) return [{ kind: "removed", key, before }];
    return [{ kind: "changed", key, before, after }];
  });
}

/** The changes for which the connector is deleted and made anew. Pure. */
export function recreatingChanges(changes: readonly ConfigChange[]): ConfigChange[] {
  return changes.filter(({ key }) => identityKeys.includes(key));
}

/**
 * What deleting and making anew means for the place where the connector goes on. Connect keeps
 * offsets by connector name and, for Debezium, `topic.prefix`. `hasOffsets`: whether there are some
 * for the prefix it will have. Pure.
 */
export function offsetsAfterRecreate(
  changes: readonly ConfigChange[],
  { reset, hasOffsets, snapshotMode }: {
    readonly reset: boolean;
    readonly hasOffsets: boolean;
    readonly snapshotMode: string;
  },
): string {
  const snapshot = ["initial", "initial_only", "when_needed", "always"].includes(snapshotMode)
    ? `a new snapshot of all collections follows (snapshot.mode ${snapshotMode})`
    : `it goes on with what happens from now on (snapshot.mode ${snapshotMode}): changes made ` +
      "until then are not captured";
  if (reset) return `Its offsets are deleted: ${snapshot}`;
  const isNewPrefix = changes.some(({ key }) => key === "topic.prefix");
  if (!isNewPrefix) {
    return "Its offsets are kept under the same name and topic.prefix: it goes on where it was";
  }
  if (hasOffsets) {
    return "Its offsets are kept, and for the new topic.prefix there are some from earlier: it " +
      "goes on there, without a snapshot of what came before. --reset-offsets deletes them all";
  }
  return "Its offsets are kept under the old topic.prefix and do not hold for the new one: " +
    `${snapshot}, into topics of the new prefix`;
}

/** Whether Debezium has stored a position for a `topic.prefix`. Pure. */
export function hasOffsetsFor(offsets: readonly ConnectorOffset[], topicPrefix: string): boolean {
  return offsets.some(({ partition }) => asObject(partition)?.["server_id"] === topicPrefix);
}
