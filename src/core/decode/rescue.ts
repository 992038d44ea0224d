import { ByteBuffer } from "../event/byte-buffer.ts";
import { writeJsonString } from "../event/json-string.ts";

/** Why a value went into `_rescued_data` instead of a column. */
export type RescueReason =
  | "type"
  | "name"
  | "clash"
  | "reserved-name"
  | "depth"
  | "columns-max"
  | "untyped-empty"
  | "update-description"
  | "range";

/** Rescued values of one path, array indices as `*`. */
export type RescueTally = {
  readonly path: string;
  readonly reason: RescueReason;
  count: number;
};

type Entry = {
  readonly path: string;
  readonly tallyPath: string;
  readonly reason: RescueReason;
  readonly start: number;
  readonly end: number;
};

/** Paths counted one by one; what comes beyond is counted under the path "". */
const talliesMax = 1000;
const encoder = new TextEncoder();

/**
 * Values of the row at hand that no column takes, and the counts of all rows. A value's path is a
 * JSON Pointer (RFC 6901), its text canonical Extended JSON.
 */
export class RescueLog {
  /** Text of the row's values; writers append here between `begin` and `end`. */
  readonly text: ByteBuffer;
  private readonly entries: Entry[];
  private readonly row: ByteBuffer;
  private tallies: Map<string, RescueTally>;

  constructor() {
    this.text = new ByteBuffer(1024);
    this.entries = [];
    this.row = new ByteBuffer(1024);
    this.tallies = new Map();
  }

  /** Number of values rescued in this row so far; `rollback` returns to it. */
  get mark(): number {
    return this.entries.length;
  }

  /** Takes back what was rescued since; returns why the first of it was, null if nothing was. */
  rollback(mark: number): RescueReason | null {
    const first = this.entries[mark];
    if (first === undefined) return null;
    this.entries.length = mark;
    this.text.length = first.start;
    return first.reason;
  }

  /** Adds the value whose text stands in `text` from `start` on. */
  add(path: string, tallyPath: string, reason: RescueReason, start: number): void {
    this.entries.push({ path, tallyPath, reason, start, end: this.text.length });
  }

  /** Drops values at and below a path: a later field of the same name replaces them. */
  drop(path: string): void {
    for (let i = this.entries.length - 1; i >= 0; i--) {
      const other = this.entries[i]!.path;
      if (other === path || other.startsWith(`${path}/`)) this.entries.splice(i, 1);
    }
  }

  /** Forgets the row at hand. */
  clearRow(): void {
    this.entries.length = 0;
    this.text.length = 0;
  }

  /** Ends the row: its JSON object, or null when all values found a column. */
  finishRow(): ByteBuffer | null {
    if (this.entries.length === 0) return null;
    const out = this.row;
    out.length = 0;
    const last = new Map<string, number>();
    this.entries.forEach((entry, i) => last.set(entry.path, i));
    let separator = 123;
    this.entries.forEach((entry, i) => {
      if (last.get(entry.path) !== i) return;
      out.push(separator);
      separator = 44;
      const path = encoder.encode(entry.path);
      writeJsonString(out, path, 0, path.length);
      out.push(58);
      out.append(this.text.bytes, entry.start, entry.end);
      this.tally(entry.tallyPath, entry.reason);
    });
    out.push(125);
    this.clearRow();
    return out;
  }

  private tally(path: string, reason: RescueReason): void {
    const key = `${reason} ${path}`;
    const known = this.tallies.get(key);
    if (known !== undefined) known.count++;
    else if (path !== "" && this.tallies.size >= talliesMax) this.tally("", reason);
    else this.tallies.set(key, { path, reason, count: 1 });
  }

  /** The counts since the last call, sorted by path and reason. */
  takeTallies(): RescueTally[] {
    const taken = [...this.tallies.values()];
    this.tallies = new Map();
    return taken.sort((a, b) => compare(a.path, b.path) || compare(a.reason, b.reason));
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A name as a segment of a JSON Pointer. */
export function pointerSegment(name: string): string {
  return name.includes("~") || name.includes("/")
    ? name.replaceAll("~", "~0").replaceAll("/", "~1")
    : name;
}
