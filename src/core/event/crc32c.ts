/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), eight bytes a step: every byte read from Kafka passes. */

const polynomial = 0x82f63b78;
const tables: readonly Int32Array[] = makeTables();

function makeTables(): Int32Array[] {
  const made = Array.from({ length: 8 }, () => new Int32Array(256));
  for (let n = 0; n < 256; n++) {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ polynomial;
    made[0]![n] = crc;
  }
  for (let n = 0; n < 256; n++) {
    for (let k = 1; k < 8; k++) {
      const before = made[k - 1]![n]!;
      made[k]![n] = (before >>> 8) ^ made[0]![before & 255]!;
    }
  }
  return made;
}

const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as readonly [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

/** The checksum of `u[start .. end)`, as an unsigned number. */
export function crc32c(u: Uint8Array, start: number, end: number): number {
  let crc = -1;
  let p = start;
  for (const stop = end - 7; p < stop; p += 8) {
    const low = crc ^ (u[p]! | u[p + 1]! << 8 | u[p + 2]! << 16 | u[p + 3]! << 24);
    crc = t7[low & 255]! ^ t6[(low >>> 8) & 255]! ^ t5[(low >>> 16) & 255]! ^ t4[low >>> 24]! ^
      t3[u[p + 4]!]! ^ t2[u[p + 5]!]! ^ t1[u[p + 6]!]! ^ t0[u[p + 7]!]!;
  }
  for (; p < end; p++) crc = (crc >>> 8) ^ t0[(crc ^ u[p]!) & 255]!;
  return ~crc >>> 0;
}
