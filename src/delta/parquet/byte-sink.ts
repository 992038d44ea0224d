/** A growing buffer that is written by index; hot loops keep `bytes` and `at` in locals. */
export type ByteSink = { bytes: Uint8Array; at: number };

/** An empty sink with room for `capacity` bytes. */
export function byteSink(capacity: number): ByteSink {
  return { bytes: new Uint8Array(capacity), at: 0 };
}

/** Makes room for `size` more bytes. `bytes` may be another array afterwards. */
export function reserve(sink: ByteSink, size: number): void {
  if (sink.at + size <= sink.bytes.length) return;
  const bigger = new Uint8Array(Math.max(sink.bytes.length * 2, sink.at + size));
  bigger.set(sink.bytes.subarray(0, sink.at));
  sink.bytes = bigger;
}

/** Appends a copy of `bytes`. */
export function append(sink: ByteSink, bytes: Uint8Array): void {
  reserve(sink, bytes.length);
  sink.bytes.set(bytes, sink.at);
  sink.at += bytes.length;
}

/** Appends one byte. */
export function appendByte(sink: ByteSink, byte: number): void {
  reserve(sink, 1);
  sink.bytes[sink.at++] = byte;
}

/** What was written, a view. */
export function written(sink: ByteSink): Uint8Array {
  return sink.bytes.subarray(0, sink.at);
}

/** Unsigned LEB128 of a non-negative safe integer. */
export function appendVarint(sink: ByteSink, value: number): void {
  reserve(sink, 10);
  let rest = value;
  while (rest >= 128) {
    sink.bytes[sink.at++] = rest % 128 | 128;
    rest = Math.floor(rest / 128);
  }
  sink.bytes[sink.at++] = rest;
}
