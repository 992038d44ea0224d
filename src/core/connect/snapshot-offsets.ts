import type { ConnectorOffset } from "./connect-types.ts";

/** What a connector's stored offsets say of an incremental snapshot that is running. */
export type StoredSnapshot = {
  /** Collections that are still to be read, the current one first. */
  readonly collections: readonly string[];
  /** The id of the newest signal. */
  readonly signalId: string | null;
};

/** Reads the offsets of a MongoDB connector; null: no incremental snapshot is running. Pure. */
export function storedSnapshot(offsets: readonly ConnectorOffset[]): StoredSnapshot | null {
  for (const { offset } of offsets) {
    if (typeof offset !== "object" || offset === null) continue;
    const values = offset as Readonly<Record<string, unknown>>;
    const text = values["incremental_snapshot_collections"];
    if (typeof text !== "string") continue;
    const id = values["incremental_snapshot_correlation_id"];
    return { collections: namesIn(text), signalId: typeof id === "string" ? id : null };
  }
  return null;
}

/** A JSON list of objects; older versions wrote the names with commas between. */
function namesIn(text: string): string[] {
  try {
    const list: unknown = JSON.parse(text);
    if (!Array.isArray(list)) return [];
    return list.flatMap((each: unknown) => {
      if (typeof each !== "object" || each === null) return [];
      const id = (each as Readonly<Record<string, unknown>>)["incremental_snapshot_collections_id"];
      return typeof id === "string" ? [id] : [];
    });
  } catch {
    return text.split(",").map((name) => name.trim()).filter((name) => name !== "");
  }
}
