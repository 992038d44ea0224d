import type { DataType, StructField } from "../../delta/schema/data-type.ts";
import { ByteBuffer } from "../event/byte-buffer.ts";
import { unescapeString } from "../event/json-string.ts";
import { type MaskDone, type MaskPlaces, noMasks } from "./field-mask.ts";
import type { RescueReason } from "./rescue.ts";

/** Types a column can have. Numbers, so that the hot path compares integers. */
export const kindUnknown = 0;
export const kindBoolean = 1;
export const kindInteger = 2;
export const kindLong = 3;
export const kindDouble = 4;
export const kindDecimal = 5;
export const kindString = 6;
export const kindBinary = 7;
export const kindTimestamp = 8;
export const kindDate = 9;
export const kindStruct = 10;
export const kindList = 11;
/** Types that only other writers' tables have; `kindForeign` takes no value at all. */
export const kindByte = 12;
export const kindShort = 13;
export const kindFloat = 14;
export const kindForeign = 15;

export const filterAll = 0;
/** Nothing of it is taken. */
export const filterSkip = 1;
/** Only fields somewhere below are taken. */
export const filterBelow = 2;

const noBytes = new Uint8Array(0);
const noInts = new Int32Array(0);
const noLongs = new BigInt64Array(0);
const noDoubles = new Float64Array(0);
const noFloats = new Float32Array(0);
const capacityMin = 64;

/**
 * A column being filled, in Arrow's layout, with the columns below it. Rows are written in order;
 * a row that is not written is null. One class for all types, so that code that touches columns
 * stays monomorphic; the arrays a type does not need stay empty.
 */
export class ColumnNode {
  /** The field's name in documents, and its column's, which settings may have changed. */
  readonly name: string;
  columnName: string;
  readonly parent: ColumnNode | null;
  /** Root 0, its fields 1; array elements count as a level. */
  readonly depth: number;
  /** UTF-8 of the name, and `"name":` as documents have it; empty if the name needs escapes. */
  readonly nameBytes: Uint8Array;
  readonly keyBytes: Uint8Array;

  kind: number;
  precision: number;
  scale: number;
  /** 0: values go straight into the column; else they take the slow path first. */
  special: number;
  /** `filterAll`, or what include and exclude lists make of it. */
  filter: number;
  /** What its values are replaced with; null: they are taken as they are. */
  mask: MaskDone | null;
  /** Where it stands among masked paths. */
  masks: MaskPlaces;
  /** Why no column may be made of it; null: one may. */
  blocked: RescueReason | null;
  /** True for a partition column: takes no documents and no arrays. */
  flat: boolean;
  /** The field and type as the table has them; null: found in this job. */
  existing: StructField | null;
  existingType: DataType | null;
  /** Type fixed by the user; null: inferred. */
  fixedType: DataType | null;

  valid: Uint8Array;
  bits: Uint8Array;
  ints: Int32Array;
  longs: BigInt64Array;
  /** `longs` as 32-bit halves, low first: writing them makes no bigint. */
  halves: Int32Array;
  doubles: Float64Array;
  floats: Float32Array;
  /** Strings, binaries, lists: range of row `i`; set up to `rows`. */
  offsets: Int32Array;
  data: ByteBuffer;
  capacity: number;
  /** Highest row written, plus one. */
  rows: number;

  /** Fields ever met, in order of their first appearance; typed ones in schema order. */
  kids: ColumnNode[];
  typedKids: ColumnNode[];
  /** Lower-case names of typed fields: Delta's column names differ in more than case. */
  typedNames: Set<string> | null;
  /** Open addressing over `kids` by name, index + 1; null while there are few. */
  table: Int32Array | null;
  /** The field expected next. */
  next: number;

  item: ColumnNode | null;
  /** Elements written in all rows, and the one being written in its row. */
  items: number;
  index: number;
  /** Row of this node written to last: tells a duplicate name. */
  seenRow: number;

  constructor(name: string, nameBytes: Uint8Array, parent: ColumnNode | null) {
    this.name = name;
    this.columnName = name;
    this.nameBytes = nameBytes;
    this.keyBytes = keyBytesOf(nameBytes);
    this.parent = parent;
    this.depth = parent === null ? 0 : parent.depth + 1;
    this.kind = kindUnknown;
    this.precision = 0;
    this.scale = 0;
    this.special = 1;
    this.filter = filterAll;
    this.mask = null;
    this.masks = noMasks;
    this.blocked = null;
    this.flat = false;
    this.existing = null;
    this.existingType = null;
    this.fixedType = null;
    this.valid = noBytes;
    this.bits = noBytes;
    this.ints = noInts;
    this.longs = noLongs;
    this.halves = noInts;
    this.doubles = noDoubles;
    this.floats = noFloats;
    this.offsets = noInts;
    this.data = emptyData;
    this.capacity = 0;
    this.rows = 0;
    this.kids = [];
    this.typedKids = [];
    this.typedNames = null;
    this.table = null;
    this.next = 0;
    this.item = null;
    this.items = 0;
    this.index = 0;
    this.seenRow = -1;
  }

  /** Makes room for `rows` rows in the arrays of this node's type. */
  grow(rows: number): void {
    if (rows <= this.capacity) return;
    const capacity = Math.max(rows, this.capacity * 2, capacityMin);
    this.valid = grownBytes(this.valid, capacity);
    switch (this.kind) {
      case kindBoolean:
        this.bits = grownBytes(this.bits, capacity);
        break;
      case kindInteger:
      case kindByte:
      case kindShort:
      case kindDate:
        this.ints = grownInts(this.ints, capacity);
        break;
      case kindLong:
      case kindTimestamp:
        this.growLongs(capacity);
        break;
      case kindDecimal:
        this.growLongs(capacity * 2);
        break;
      case kindDouble: {
        const doubles = new Float64Array(capacity);
        doubles.set(this.doubles);
        this.doubles = doubles;
        break;
      }
      case kindFloat: {
        const floats = new Float32Array(capacity);
        floats.set(this.floats);
        this.floats = floats;
        break;
      }
      case kindString:
      case kindBinary:
      case kindList:
        this.offsets = grownInts(this.offsets, capacity + 1);
        break;
      default:
    }
    if (this.data === emptyData && (this.kind === kindString || this.kind === kindBinary)) {
      this.data = new ByteBuffer(512);
    }
    this.capacity = capacity;
  }

  private growLongs(count: number): void {
    const longs = new BigInt64Array(count);
    longs.set(this.longs);
    this.longs = longs;
    this.halves = new Int32Array(longs.buffer);
  }

  /** Starts row `row`: room for it, and the offsets of rows that were left out. */
  private open(row: number): void {
    if (row >= this.capacity) this.grow(row + 1);
    const offsets = this.offsets;
    if (row < this.rows) this.truncate(row);
    for (let r = this.rows; r < row; r++) offsets[r + 1] = offsets[r]!;
  }

  setInt(row: number, value: number): void {
    if (row >= this.capacity) this.grow(row + 1);
    this.ints[row] = value;
    this.valid[row] = 1;
    this.rows = row + 1;
  }

  setBit(row: number, value: number): void {
    if (row >= this.capacity) this.grow(row + 1);
    this.bits[row] = value;
    this.valid[row] = 1;
    this.rows = row + 1;
  }

  setLong(row: number, low: number, high: number): void {
    if (row >= this.capacity) this.grow(row + 1);
    this.halves[row * 2] = low;
    this.halves[row * 2 + 1] = high;
    this.valid[row] = 1;
    this.rows = row + 1;
  }

  setDouble(row: number, value: number): void {
    if (row >= this.capacity) this.grow(row + 1);
    this.doubles[row] = value;
    this.valid[row] = 1;
    this.rows = row + 1;
  }

  setFloat(row: number, value: number): void {
    if (row >= this.capacity) this.grow(row + 1);
    this.floats[row] = value;
    this.valid[row] = 1;
    this.rows = row + 1;
  }

  setDecimal(row: number, unscaled: bigint): void {
    if (row >= this.capacity) this.grow(row + 1);
    this.longs[row * 2] = BigInt.asIntN(64, unscaled);
    this.longs[row * 2 + 1] = unscaled >> 64n;
    this.valid[row] = 1;
    this.rows = row + 1;
  }

  /** The 32-bit words of a decimal column, four a row, for a row that is written word by word. */
  openDecimal(row: number): Int32Array {
    if (row >= this.capacity) this.grow(row + 1);
    this.valid[row] = 1;
    this.rows = row + 1;
    return this.halves;
  }

  setBytes(row: number, source: Uint8Array, start: number, end: number): void {
    this.open(row);
    this.data.append(source, start, end);
    this.closeBytes(row);
  }

  /** Appends the JSON string at the opening quote `p`; returns the position behind it. */
  setString(row: number, u: Uint8Array, p: number): number {
    this.open(row);
    const from = p + 1;
    let end = from;
    let c = u[end]!;
    while (c >= 32 && c !== 34 && c !== 92) c = u[++end]!;
    if (c === 34) {
      this.data.append(u, from, end);
      end++;
    } else end = unescapeString(u, p, this.data);
    this.closeBytes(row);
    return end;
  }

  private closeBytes(row: number): void {
    this.offsets[row + 1] = this.data.length;
    this.valid[row] = 1;
    this.rows = row + 1;
  }

  /** Ends a row of a list at element `items`. */
  setItems(row: number, items: number): void {
    this.open(row);
    this.items = items;
    this.offsets[row + 1] = items;
    this.valid[row] = 1;
    this.rows = row + 1;
  }

  /** A struct that is there, whatever of its fields is. */
  setPresent(row: number): void {
    if (row >= this.capacity) this.grow(row + 1);
    this.valid[row] = 1;
    this.rows = row + 1;
  }

  /**
   * Forgets everything at and beyond `row`, here and below. A row may have been left half written,
   * so what is below is cut even where this node's own row was never ended.
   */
  truncate(row: number): void {
    if (this.kind === kindUnknown) return;
    if (this.rows > row) {
      this.valid.fill(0, row, this.rows);
      this.rows = row;
      if (this.kind === kindString || this.kind === kindBinary) {
        this.data.length = this.offsets[row]!;
      }
    }
    if (this.kind === kindList) {
      this.items = this.rows === 0 ? 0 : this.offsets[this.rows]!;
      this.item?.truncate(this.items);
    } else for (const kid of this.typedKids) kid.truncate(row);
  }

  /** Empties the column and those below for another job; buffers stay. */
  reset(): void {
    this.truncate(0);
    this.forgetRows();
  }

  /** Forgets which rows were written: row numbers start over, or a row is written again. */
  forgetRows(): void {
    this.seenRow = -1;
    this.next = 0;
    this.index = 0;
    for (const kid of this.kids) kid.forgetRows();
    this.item?.forgetRows();
  }
}

const emptyData = new ByteBuffer(0);

function grownBytes(old: Uint8Array, capacity: number): Uint8Array {
  const grown = new Uint8Array(capacity);
  grown.set(old);
  return grown;
}

function grownInts(old: Int32Array, capacity: number): Int32Array {
  const grown = new Int32Array(capacity);
  grown.set(old);
  return grown;
}

/** `"name":`; empty where the text in a document would have escapes. */
function keyBytesOf(nameBytes: Uint8Array): Uint8Array {
  if (nameBytes.some((c) => c === 34 || c === 92 || c < 32)) return noBytes;
  const bytes = new Uint8Array(nameBytes.length + 3);
  bytes[0] = 34;
  bytes.set(nameBytes, 1);
  bytes[bytes.length - 2] = 34;
  bytes[bytes.length - 1] = 58;
  return bytes;
}
