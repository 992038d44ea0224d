import { bytesAt, quotedKey } from "./json-scan.ts";

/** One bit for each key that says what a record is; a set of them is a record's shape. */
export const seenOp = 1 << 0;
export const seenSource = 1 << 1;
export const seenTsMs = 1 << 2;
export const seenStatus = 1 << 3;
export const seenId = 1 << 4;
export const seenAggregateType = 1 << 5;
export const seenSpecVersion = 1 << 6;
export const seenType = 1 << 7;
export const seenData = 1 << 8;
export const seenUnderscoreId = 1 << 9;
export const seenUnwrapMark = 1 << 10;
export const seenKey = 1 << 11;
export const seenValue = 1 << 12;
export const seenPayload = 1 << 13;
export const seenSchema = 1 << 14;
export const seenTopic = 1 << 15;
export const seenPartition = 1 << 16;
export const seenOffset = 1 << 17;
export const seenBefore = 1 << 18;
export const seenAfter = 1 << 19;
export const seenUpdateDescription = 1 << 20;
export const seenPatch = 1 << 21;
export const seenTransaction = 1 << 22;
export const seenOther = 1 << 23;

/** Keys that make an object a change event in Debezium's envelope. */
export const envelopeBits = seenOp | seenSource;
/** Keys of which a flattened document has one at least; an envelope has no `_id`. */
export const flattenedBits = seenUnderscoreId | seenUnwrapMark;

type KnownKey = { readonly bytes: Uint8Array; readonly bit: number };

const names: readonly (readonly [string, number])[] = [
  ["op", seenOp],
  ["source", seenSource],
  ["ts_ms", seenTsMs],
  ["status", seenStatus],
  ["id", seenId],
  ["aggregate_type", seenAggregateType],
  ["specversion", seenSpecVersion],
  ["type", seenType],
  ["data", seenData],
  ["_id", seenUnderscoreId],
  ["__deleted", seenUnwrapMark],
  ["__op", seenUnwrapMark],
  ["key", seenKey],
  ["value", seenValue],
  ["payload", seenPayload],
  ["schema", seenSchema],
  ["topic", seenTopic],
  ["partition", seenPartition],
  ["offset", seenOffset],
  ["before", seenBefore],
  ["after", seenAfter],
  ["updateDescription", seenUpdateDescription],
  ["patch", seenPatch],
  ["transaction", seenTransaction],
];

/** Known keys by their first byte: most keys are told apart by one look-up. */
const byFirstByte: readonly (readonly KnownKey[])[] = Array.from(
  { length: 128 },
  (_, first) =>
    names.filter(([name]) => name.charCodeAt(0) === first)
      .map(([name, bit]) => ({ bytes: quotedKey(name), bit })),
);

const none: readonly KnownKey[] = [];

/** The bit of the key whose opening quote is at `p`; `seenOther` for any other key. */
export function envelopeKeyAt(u: Uint8Array, p: number): number {
  const first = u[p + 1]!;
  const candidates = first < 128 ? byFirstByte[first]! : none;
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i]!;
    if (bytesAt(u, p, candidate.bytes)) return candidate.bit;
  }
  return seenOther;
}
