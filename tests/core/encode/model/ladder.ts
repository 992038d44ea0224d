import { Buffer } from "node:buffer";
import type { Value } from "../../../../src/delta/columns/column-builder.ts";
import type { DataType, StructField } from "../../../../src/delta/schema/data-type.ts";
import { type Bson, canonicalText, isExactly } from "./bson.ts";

/**
 * What the tables of documents should hold, in the plainest words: documents one after the other,
 * each value fits its column, widens it, or is rescued. Default rules; no guards.
 */
export type ModelRow = {
  readonly values: Readonly<Record<string, Value>>;
  readonly rescued: Readonly<Record<string, string>>;
};

type Scalar =
  | "boolean"
  | "integer"
  | "long"
  | "double"
  | "decimal"
  | "string"
  | "binary"
  | "timestamp";
type Type = { kind: Scalar } | { kind: "struct"; slots: Slot[] } | { kind: "array"; item: Slot };
type Slot = { name: string; type: Type | null };
/** Numbers in integer and long columns are kept as bigint until the column's last type is known. */
type Stored = Value | { readonly whole: bigint };
type StoredRow = { values: Map<Slot, Stored | StoredTree>; rescued: Map<string, string> };
type StoredTree =
  | { readonly fields: Map<Slot, Stored | StoredTree> }
  | { readonly items: (Stored | StoredTree)[] };

const reserved = new Set([
  "_cdc_operation",
  "_cdc_timestamp",
  "_cdc_key",
  "_kafka_topic",
  "_kafka_partition",
  "_kafka_offset",
  "_ingestion_timestamp",
  "_ingestion_date",
  "_rescued_data",
  "_cdc_transaction_id",
  "_document",
]);

export class LadderModel {
  private readonly slots: Slot[] = [];
  private readonly rows: StoredRow[] = [];

  /** Adds one row of a document's members. */
  add(members: readonly (readonly [string, Bson])[]): void {
    const rescued = new Map<string, string>();
    this.rows.push({ values: fields(members, this.slots, "", rescued, true), rescued });
  }

  schema(): StructField[] {
    return this.slots.map(fieldOf);
  }

  modelRows(): ModelRow[] {
    return this.rows.map(({ values, rescued }) => ({
      values: Object.fromEntries(
        this.slots.map((slot) => [slot.name, finished(values.get(slot) ?? null, slot.type!)]),
      ),
      rescued: Object.fromEntries(rescued),
    }));
  }
}

function fieldOf(slot: Slot): StructField {
  return { name: slot.name, type: dataType(slot.type!), nullable: true, metadata: {} };
}

function dataType(type: Type): DataType {
  if (type.kind === "struct") return { kind: "struct", fields: type.slots.map(fieldOf) };
  if (type.kind === "array") {
    return { kind: "array", elementType: dataType(type.item.type!), containsNull: true };
  }
  return type.kind === "decimal"
    ? { kind: "decimal", precision: 38, scale: 18 }
    : { kind: type.kind };
}

function fields(
  members: readonly (readonly [string, Bson])[],
  slots: Slot[],
  path: string,
  rescued: Map<string, string>,
  top: boolean,
): Map<Slot, Stored | StoredTree> {
  const values = new Map<Slot, Stored | StoredTree>();
  for (const [name, value] of members) {
    if (value.t === "null") continue;
    const here = `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const known = slots.find((slot) => slot.name === name);
    const refused = name === "" || /[ ,;{}()\n\t=\0]/.test(name) ||
      (top && reserved.has(name.toLowerCase())) ||
      (known === undefined &&
        slots.some((slot) => slot.name.toLowerCase() === name.toLowerCase()));
    if (refused) {
      rescued.set(here, canonicalText(value));
      continue;
    }
    const slot = known ?? { name, type: null };
    const stored = store(value, slot, here, rescued);
    if (known === undefined && slot.type !== null) slots.push(slot);
    if (stored !== undefined) values.set(slot, stored);
  }
  return values;
}

/** Undefined: the value was rescued. */
function store(
  value: Bson,
  slot: Slot,
  path: string,
  rescued: Map<string, string>,
): Stored | StoredTree | undefined {
  const rescue = () => {
    for (const key of rescued.keys()) if (key.startsWith(`${path}/`)) rescued.delete(key);
    rescued.set(path, canonicalText(value));
    return undefined;
  };
  if (value.t === "null") return null;
  if (value.t === "document" || value.t === "timestamp") {
    if (slot.type !== null && slot.type.kind !== "struct") return rescue();
    const slots = slot.type?.slots ?? [];
    if (value.t === "timestamp") return storeTimestamp(value, slot, slots) ?? rescue();
    const stored = fields(value.members, slots, path, rescued, false);
    if (slots.length === 0) return rescue();
    slot.type = { kind: "struct", slots };
    return { fields: stored };
  }
  if (value.t === "array") {
    if (slot.type !== null && slot.type.kind !== "array") return rescue();
    const item = slot.type?.item ?? { name: "", type: null };
    const items = value.items.map((one, i) => store(one, item, `${path}/${i}`, rescued) ?? null);
    if (item.type === null) return rescue();
    slot.type = { kind: "array", item };
    return { items };
  }
  const stored = scalar(value, slot);
  return stored === undefined ? rescue() : stored;
}

function storeTimestamp(
  { time, increment }: { readonly time: number; readonly increment: number },
  slot: Slot,
  slots: Slot[],
): StoredTree | undefined {
  const parts = ["t", "i"].map((name) => slots.find((one) => one.name === name) ?? name);
  const clash = (name: string) => slots.some((one) => one.name.toLowerCase() === name);
  for (const part of parts) {
    if (typeof part === "string" ? clash(part) : part.type?.kind !== "long") return undefined;
  }
  const made = parts.map((part) => {
    if (typeof part !== "string") return part;
    const fresh: Slot = { name: part, type: { kind: "long" } };
    slots.push(fresh);
    return fresh;
  });
  slot.type = { kind: "struct", slots };
  return {
    fields: new Map<Slot, Stored>([
      [made[0]!, { whole: BigInt(time) }],
      [made[1]!, { whole: BigInt(increment) }],
    ]),
  };
}

type ScalarBson = Exclude<Bson, { t: "null" | "document" | "array" | "timestamp" }>;

function scalar(value: ScalarBson, slot: Slot): Stored | undefined {
  const kind = slot.type?.kind ?? null;
  const as = (type: Scalar, stored: Stored): Stored | undefined => {
    if (kind === null) slot.type = { kind: type };
    return kind === null || kind === type ? stored : undefined;
  };
  switch (value.t) {
    case "bool":
      return as("boolean", value.v);
    case "string":
    case "symbol":
    case "oid":
      return as("string", value.v);
    case "binary": {
      const uuid = (value.subtype === 3 || value.subtype === 4) && value.bytes.length === 16;
      if (!uuid || kind === "binary") return as("binary", value.bytes);
      return as("string", uuidText(value.bytes));
    }
    case "date":
      if (value.ms < -62135596800000n || value.ms >= 253402300800000n) return undefined;
      return as("timestamp", value.ms * 1000n);
    case "int":
    case "long":
      return integer(value.v, value.t === "int" ? "integer" : "long", slot);
    case "double":
      return double(Number(value.text), slot);
    case "decimal":
      return decimal(value.text, slot);
    default:
      return as("string", canonicalText(value));
  }
}

const inInt = (v: bigint) => v >= -(2n ** 31n) && v < 2n ** 31n;
const inLong = (v: bigint) => v >= -(2n ** 63n) && v < 2n ** 63n;
const inDecimal = (unscaled: bigint) => unscaled < 10n ** 38n && unscaled > -(10n ** 38n);

function integer(v: bigint, own: "integer" | "long", slot: Slot): Stored | undefined {
  switch (slot.type?.kind) {
    case undefined:
      slot.type = { kind: own };
      return { whole: v };
    case "integer":
      if (!inInt(v)) slot.type = { kind: "long" };
      return { whole: v };
    case "long":
      return { whole: v };
    case "double":
      return BigInt(Number(v)) === v ? { whole: v } : undefined;
    case "decimal":
      return { whole: v };
    default:
      return undefined;
  }
}

function double(v: number, slot: Slot): Stored | undefined {
  const whole = Number.isInteger(v) ? BigInt(v) : null;
  switch (slot.type?.kind) {
    case undefined:
      slot.type = { kind: "double" };
      return v;
    case "double":
      return v;
    case "integer":
      if (whole !== null && inInt(whole)) return { whole };
      slot.type = { kind: "double" };
      return v;
    case "long":
      return whole !== null && inLong(whole) ? { whole } : undefined;
    case "decimal":
      return whole !== null && inDecimal(whole * 10n ** 18n) ? { whole } : undefined;
    default:
      return undefined;
  }
}

function decimal(text: string, slot: Slot): Stored | undefined {
  const found = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text);
  if (found === null) return undefined;
  const digits = BigInt(`${found[1] === "-" ? "-" : ""}${found[2]}${found[3]}`);
  const power = Number(found[4] ?? "0") - found[3]!.length;
  const unscaled = scaled(digits, power + 18);
  const whole = scaled(digits, power);
  const fits = unscaled !== null && inDecimal(unscaled);
  switch (slot.type?.kind) {
    case undefined:
      if (!fits) return undefined;
      slot.type = { kind: "decimal" };
      return unscaled;
    case "decimal":
      return fits ? unscaled : undefined;
    case "integer":
    case "long": {
      const within = slot.type.kind === "integer" ? inInt : inLong;
      if (whole !== null && within(whole)) return { whole };
      if (!fits) return undefined;
      slot.type = { kind: "decimal" };
      return unscaled;
    }
    case "double":
      return isExactly(Number(text), digits, power) ? Number(text) + 0 : undefined;
    default:
      return undefined;
  }
}

/** `digits × 10^power` when that is an integer of a size worth having. */
function scaled(digits: bigint, power: number): bigint | null {
  if (digits === 0n) return 0n;
  if (power > 60) return null;
  if (power >= 0) return digits * 10n ** BigInt(power);
  const divisor = 10n ** BigInt(Math.min(-power, 100));
  return digits % divisor === 0n ? digits / divisor : null;
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The value in the form that its column's last type has. */
function finished(stored: Stored | StoredTree, type: Type): Value {
  if (stored === null) return null;
  if (type.kind === "struct") {
    const { fields } = stored as { fields: Map<Slot, Stored | StoredTree> };
    return Object.fromEntries(
      type.slots.map((slot) => [slot.name, finished(fields.get(slot) ?? null, slot.type!)]),
    );
  }
  if (type.kind === "array") {
    const { items } = stored as { items: (Stored | StoredTree)[] };
    return items.map((one) => finished(one, type.item.type!));
  }
  if (typeof stored === "object" && "whole" in stored) {
    const whole = stored.whole as bigint;
    if (type.kind === "integer" || type.kind === "double") return Number(whole);
    return type.kind === "decimal" ? whole * 10n ** 18n : whole;
  }
  return stored as Value;
}
