/**
 * True when a line is a record with its Kafka position beside it, as `kcat -J` prints it: an object
 * with `topic`, `partition` and `offset`. Such records need no source id.
 */
export function carriesOwnPosition(line: Uint8Array): boolean {
  let record: unknown;
  try {
    record = JSON.parse(new TextDecoder().decode(line));
  } catch {
    return false;
  }
  if (typeof record !== "object" || record === null) return false;
  if (!("topic" in record && "partition" in record && "offset" in record)) return false;
  // Offsets beyond 2^53 are rounded here, but only their presence matters.
  return typeof record.topic === "string" && isCount(record.partition) && isCount(record.offset);
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}
