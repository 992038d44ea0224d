/**
 * A record within decompressed bytes. One object, filled again for every record: what it points to
 * is valid until the next one.
 */
export type KafkaRecord = {
  bytes: Uint8Array;
  /** The offset's upper and lower 32 bits; `offsetOf` makes a bigint of them. */
  offsetHigh: number;
  offsetLow: number;
  /** The producer's time, or the broker's where the topic says so; ms since the epoch. */
  timestampMs: number;
  /** -1: the key is null. */
  keyStart: number;
  keyEnd: number;
  /** -1: the value is null. */
  valueStart: number;
  valueEnd: number;
  headerCount: number;
  /** Headers lie here one behind the other: length and bytes of the key, then of the value. */
  headersStart: number;
  headersEnd: number;
};

/** A record that was not read yet. */
export function createKafkaRecord(): KafkaRecord {
  return {
    bytes: new Uint8Array(0),
    offsetHigh: 0,
    offsetLow: 0,
    timestampMs: 0,
    keyStart: -1,
    keyEnd: -1,
    valueStart: -1,
    valueEnd: -1,
    headerCount: 0,
    headersStart: 0,
    headersEnd: 0,
  };
}

/** A copy of the key's bytes, or null. */
export function kafkaKey({ bytes, keyStart, keyEnd }: KafkaRecord): Uint8Array | null {
  return keyStart < 0 ? null : bytes.slice(keyStart, keyEnd);
}

/** A copy of the value's bytes, or null. */
export function kafkaValue({ bytes, valueStart, valueEnd }: KafkaRecord): Uint8Array | null {
  return valueStart < 0 ? null : bytes.slice(valueStart, valueEnd);
}
