import { Buffer } from "node:buffer";
import type { Raw } from "./raw-json.ts";

/** What a value of Extended JSON means, as far as it can be told. */
export type Bson =
  | { readonly t: "null" }
  | { readonly t: "bool"; readonly v: boolean }
  | { readonly t: "int"; readonly v: bigint }
  | { readonly t: "long"; readonly v: bigint }
  | { readonly t: "double"; readonly text: string }
  | { readonly t: "decimal"; readonly text: string }
  | { readonly t: "string"; readonly v: string }
  | { readonly t: "symbol"; readonly v: string }
  | { readonly t: "oid"; readonly v: string }
  | { readonly t: "date"; readonly ms: bigint }
  | { readonly t: "timestamp"; readonly time: number; readonly increment: number }
  | { readonly t: "binary"; readonly bytes: Uint8Array; readonly subtype: number }
  | { readonly t: "regex"; readonly pattern: string; readonly options: string }
  | { readonly t: "code"; readonly v: string; readonly scope: Bson | null }
  | { readonly t: "pointer"; readonly ref: string; readonly id: Bson }
  | { readonly t: "minKey" | "maxKey" | "undefined" }
  | { readonly t: "array"; readonly items: readonly Bson[] }
  | { readonly t: "document"; readonly members: readonly (readonly [string, Bson])[] };

const inLong = (v: bigint) => v >= -(2n ** 63n) && v < 2n ** 63n;
const inInt = (v: bigint) => v >= -(2n ** 31n) && v < 2n ** 31n;

/** Reads Extended JSON of any flavour. */
export function bsonOf(raw: Raw): Bson {
  switch (raw.kind) {
    case "literal":
      return raw.value === null ? { t: "null" } : { t: "bool", v: raw.value };
    case "string":
      return { t: "string", v: raw.value };
    case "number": {
      if (!/^-?\d+$/.test(raw.text)) return { t: "double", text: raw.text };
      const v = BigInt(raw.text);
      return inInt(v)
        ? { t: "int", v }
        : inLong(v)
        ? { t: "long", v }
        : { t: "double", text: raw.text };
    }
    case "array":
      return { t: "array", items: raw.items.map(bsonOf) };
    case "object":
      return wrapperOf(raw.members) ??
        {
          t: "document",
          members: [
            ...new Map(raw.members.map(([name, value]) => [name, bsonOf(value)])),
          ],
        };
  }
}

type Members = readonly (readonly [string, Raw])[];

function wrapperOf(members: Members): Bson | null {
  const names = members.map(([name]) => name).join(" ");
  const first = members[0]?.[1];
  const second = members[1]?.[1];
  const text = first?.kind === "string" ? first.value : null;
  switch (names) {
    case "$oid":
      return text !== null && /^[0-9a-f]{24}$/i.test(text) ? { t: "oid", v: text } : null;
    case "$numberInt":
      return text !== null && /^-?\d{1,30}$/.test(text) && inInt(BigInt(text))
        ? { t: "int", v: BigInt(text) }
        : null;
    case "$numberLong":
      return text !== null && /^-?\d{1,30}$/.test(text) && inLong(BigInt(text))
        ? { t: "long", v: BigInt(text) }
        : null;
    case "$numberDouble":
      return text !== null && /^(-?\d+(\.\d+)?([eE][+-]?\d+)?|NaN|-?Infinity)$/.test(text)
        ? { t: "double", text }
        : null;
    case "$numberDecimal": {
      const decimal = /^([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity))$/i;
      return text !== null && decimal.test(text) ? { t: "decimal", text } : null;
    }
    case "$date":
      return dateOf(first!);
    case "$symbol":
      return text === null ? null : { t: "symbol", v: text };
    case "$code":
      return text === null ? null : { t: "code", v: text, scope: null };
    case "$code $scope":
      if (text === null || second?.kind !== "object") return null;
      return { t: "code", v: text, scope: bsonOf(second) };
    case "$minKey":
    case "$maxKey":
      return first?.kind === "number" && first.text === "1"
        ? { t: names === "$minKey" ? "minKey" : "maxKey" }
        : null;
    case "$undefined":
      return first?.kind === "literal" && first.value === true ? { t: "undefined" } : null;
    case "$regex $options":
      return text !== null && second?.kind === "string"
        ? { t: "regex", pattern: text, options: second.value }
        : null;
    case "$binary $type":
      return binaryOf(first!, second!);
    default:
      return nestedWrapper(names, first);
  }
}

function nestedWrapper(names: string, inner: Raw | undefined): Bson | null {
  if (inner?.kind !== "object") return null;
  const [first, second] = inner.members;
  const shape = `${names} ${inner.members.map(([name]) => name).join(" ")}`;
  if (first === undefined || second === undefined) return null;
  switch (shape) {
    case "$timestamp t i": {
      const [time, increment] = [first[1], second[1]];
      if (time.kind !== "number" || increment.kind !== "number") return null;
      const [t, i] = [Number(time.text), Number(increment.text)];
      if (!/^\d+$/.test(time.text + increment.text) || t > 4294967295 || i > 4294967295) {
        return null;
      }
      return { t: "timestamp", time: t, increment: i };
    }
    case "$binary base64 subType":
      return binaryOf(first[1], second[1]);
    case "$regularExpression pattern options":
      return first[1].kind === "string" && second[1].kind === "string"
        ? { t: "regex", pattern: first[1].value, options: second[1].value }
        : null;
    case "$dbPointer $ref $id":
      return first[1].kind === "string" && second[1].kind === "object"
        ? { t: "pointer", ref: first[1].value, id: bsonOf(second[1]) }
        : null;
    default:
      return null;
  }
}

function binaryOf(data: Raw, type: Raw): Bson | null {
  if (data.kind !== "string" || type.kind !== "string") return null;
  if (!/^[0-9a-f]{1,2}$/i.test(type.value)) return null;
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(data.value)) {
    return null;
  }
  const bytes = new Uint8Array(Buffer.from(data.value, "base64"));
  return { t: "binary", bytes, subtype: Number.parseInt(type.value, 16) };
}

function dateOf(raw: Raw): Bson | null {
  if (raw.kind === "number") return /^-?\d+$/.test(raw.text) ? dateMs(raw.text) : null;
  if (raw.kind === "object") {
    const inner = wrapperOf(raw.members);
    return raw.members[0]?.[0] === "$numberLong" && inner?.t === "long"
      ? dateMs(`${inner.v}`)
      : null;
  }
  if (raw.kind !== "string") return null;
  const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:?\d\d)$/;
  const ms = Date.parse(raw.value);
  return iso.test(raw.value) && !Number.isNaN(ms) ? dateMs(String(ms)) : null;
}

function dateMs(text: string): Bson | null {
  const ms = BigInt(text);
  return inLong(ms) ? { t: "date", ms } : null;
}

/** Canonical Extended JSON v2 without white space. */
export function canonicalText(value: Bson): string {
  const one = (name: string, text: string) => `{"${name}":"${text}"}`;
  switch (value.t) {
    case "null":
      return "null";
    case "bool":
      return String(value.v);
    case "int":
      return one("$numberInt", String(value.v));
    case "long":
      return one("$numberLong", String(value.v));
    case "double":
      return one("$numberDouble", value.text);
    case "decimal":
      return one("$numberDecimal", value.text);
    case "string":
      return JSON.stringify(value.v);
    case "symbol":
      return `{"$symbol":${JSON.stringify(value.v)}}`;
    case "oid":
      return one("$oid", value.v.toLowerCase());
    case "date":
      return `{"$date":${one("$numberLong", String(value.ms))}}`;
    case "timestamp":
      return `{"$timestamp":{"t":${value.time},"i":${value.increment}}}`;
    case "binary": {
      const base64 = Buffer.from(value.bytes).toString("base64");
      const subtype = value.subtype.toString(16).padStart(2, "0");
      return `{"$binary":{"base64":"${base64}","subType":"${subtype}"}}`;
    }
    case "regex":
      return `{"$regularExpression":{"pattern":${JSON.stringify(value.pattern)},"options":${
        JSON.stringify(value.options)
      }}}`;
    case "code": {
      const scope = value.scope === null ? "" : `,"$scope":${canonicalText(value.scope)}`;
      return `{"$code":${JSON.stringify(value.v)}${scope}}`;
    }
    case "pointer":
      return `{"$dbPointer":{"$ref":${JSON.stringify(value.ref)},"$id":${
        canonicalText(value.id)
      }}}`;
    case "minKey":
    case "maxKey":
      return `{"$${value.t}":1}`;
    case "undefined":
      return `{"$undefined":true}`;
    case "array":
      return `[${value.items.map(canonicalText).join(",")}]`;
    case "document":
      return `{${
        value.members.map(([name, v]) => `${JSON.stringify(name)}:${canonicalText(v)}`).join(",")
      }}`;
  }
}

/** `_cdc_key`'s text: equal numbers have one spelling. */
export function identityText(value: Bson): string {
  switch (value.t) {
    case "array":
      return `[${value.items.map(identityText).join(",")}]`;
    case "document":
      return `{${
        value.members.map(([name, v]) => `${JSON.stringify(name)}:${identityText(v)}`).join(",")
      }}`;
    case "int":
    case "long":
      return integerIdentity(value.v);
    case "double":
      return doubleIdentity(Number(value.text));
    case "decimal":
      return decimalIdentity(value.text);
    default:
      return canonicalText(value);
  }
}

function integerIdentity(v: bigint): string {
  return inInt(v) ? `{"$numberInt":"${v}"}` : `{"$numberLong":"${v}"}`;
}

function doubleIdentity(v: number): string {
  if (Number.isInteger(v) && inLong(BigInt(v))) return integerIdentity(BigInt(v));
  return `{"$numberDouble":"${v}"}`;
}

function decimalIdentity(text: string): string {
  const double = Number(text);
  if (Number.isNaN(double) || /inf/i.test(text)) return doubleIdentity(double);
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  let digits = BigInt(whole.replace(/^[+-]/, "") + fraction);
  let power = Number(exponent) - fraction.length;
  if (digits === 0n) return integerIdentity(0n);
  while (digits % 10n === 0n) {
    digits /= 10n;
    power++;
  }
  const sign = text.startsWith("-") ? "-" : "";
  const signed = sign === "-" ? -digits : digits;
  if (power >= 0 && power < 25 && inLong(signed * 10n ** BigInt(power))) {
    return integerIdentity(signed * 10n ** BigInt(power));
  }
  if (isExactly(double, signed, power)) return doubleIdentity(double);
  const plain = String(digits);
  if (power < 0 && -power < plain.length) {
    return `{"$numberDecimal":"${sign}${plain.slice(0, power)}.${plain.slice(power)}"}`;
  }
  return `{"$numberDecimal":"${sign}${plain}${power === 0 ? "" : `E${power}`}"}`;
}

/** Whether a double is `digits × 10^power`, by comparing fractions. */
export function isExactly(double: number, digits: bigint, power: number): boolean {
  if (!Number.isFinite(double)) return false;
  let numerator = double;
  let twos = 0;
  while (!Number.isInteger(numerator)) {
    numerator *= 2;
    twos++;
  }
  const left = BigInt(numerator) * (power < 0 ? 10n ** BigInt(-power) : 1n);
  const right = digits * (power > 0 ? 10n ** BigInt(power) : 1n) * 2n ** BigInt(twos);
  return left === right;
}
