import { Buffer } from "node:buffer";
import type { FloorTable } from "../../position/floor-store.ts";

/**
 * What stands in the metadata of every offset we commit. It tells our commits from those of others
 * (a reset by hand, another consumer), the topic from a later one of that name, and which tables
 * must still be there for the floor to be worth anything.
 */
export type FloorMark = {
  /** The topic's id; empty where the cluster has none. */
  readonly topicId: string;
  /** The committed offset itself: a reset keeps the metadata in some tools, but not the offset. */
  readonly nextOffset: bigint;
  /** How many partitions the topic had: one above was added later. 0: not known. */
  readonly partitions: number;
  readonly tables: readonly FloorTable[];
};

/** Brokers refuse more than 4,096 bytes by default (`offset.metadata.max.bytes`). */
export const markBytesMax = 3_800;

const version = 1;

/** The mark as text; of its tables as many as fit, in their order. */
export function encodeMark(mark: FloorMark): string {
  const tables: Record<string, string> = {};
  const head = {
    v: version,
    id: mark.topicId,
    o: String(mark.nextOffset),
    n: mark.partitions,
    t: tables,
  };
  let bytes = Buffer.byteLength(JSON.stringify(head));
  for (const { key, offset } of mark.tables) {
    // The quotes, the colon and the comma of an entry are four bytes beside its texts' own quotes.
    bytes += Buffer.byteLength(JSON.stringify(key)) + String(offset).length + 4;
    if (bytes > markBytesMax) break;
    tables[key] = String(offset);
  }
  return JSON.stringify(head);
}

/** Null for anything that is not a mark of ours. */
export function parseMark(text: string): FloorMark | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { v, id, o, n, t } = value as Record<string, unknown>;
  if (v !== version || typeof id !== "string" || !isOffset(o) || typeof n !== "number") return null;
  if (typeof t !== "object" || t === null || Array.isArray(t)) return null;
  const tables: FloorTable[] = [];
  for (const [key, offset] of Object.entries(t)) {
    if (!isOffset(offset)) return null;
    tables.push({ key, offset: BigInt(offset) });
  }
  return { topicId: id, nextOffset: BigInt(o), partitions: n, tables };
}

function isOffset(value: unknown): value is string {
  return typeof value === "string" && /^\d{1,19}$/.test(value);
}
