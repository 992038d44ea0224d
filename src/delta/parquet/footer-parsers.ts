import type { ParquetParsers } from "hyparquet";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/**
 * How a footer's least and greatest values are read: exactly, or not at all. Timestamps are
 * microseconds, dates days; text that was cut inside of a character is left out.
 */
export const footerParsers: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (millis: bigint) => millis * 1000n,
  timestampFromMicroseconds: (micros: bigint) => micros,
  timestampFromNanoseconds: () => undefined,
  dateFromDays: (days: number) => days,
  stringFromBytes: (bytes: Uint8Array | undefined) => {
    try {
      return bytes && decoder.decode(bytes);
    } catch {
      return undefined;
    }
  },
};
