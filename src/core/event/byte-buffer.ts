/** Bytes that grow; reused from record to record, so `bytes` may be longer than `length`. */
export class ByteBuffer {
  bytes: Uint8Array;
  length: number;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
    this.length = 0;
  }

  /** Makes room for `count` more bytes. */
  ensure(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  push(byte: number): void {
    if (this.length === this.bytes.length) this.ensure(1);
    this.bytes[this.length++] = byte;
  }

  append(source: Uint8Array, start: number, end: number): void {
    this.ensure(end - start);
    // A call into the engine costs more than copying a short text by hand.
    if (end - start < 96) {
      const to = this.bytes;
      let at = this.length;
      for (let i = start; i < end; i++) to[at++] = source[i]!;
    } else {
      this.bytes.set(source.subarray(start, end), this.length);
    }
    this.length += end - start;
  }

  appendAll(source: Uint8Array): void {
    this.append(source, 0, source.length);
  }

  /** Appends ASCII text. */
  appendAscii(text: string): void {
    this.ensure(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[this.length++] = text.charCodeAt(i);
  }

  /** A copy of the content, for what outlives the record. */
  copy(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  /**
   * Writes zeros behind the content without counting them: scanners stop at a zero byte, so they
   * need no end to compare with.
   */
  seal(): void {
    this.ensure(sealBytes);
    this.bytes.fill(0, this.length, this.length + sealBytes);
  }
}

/** Zeros behind sealed text: enough for a scanner that steps over an escaped character. */
export const sealBytes = 8;
