import type { ColumnNode } from "./column-node.ts";

/** Powers of ten as four 16-bit limbs, lowest first: 10^18 has 60 bits. */
const shiftMax = 18;
const digitsMax = 15;
const powerLimbs = new Int32Array((shiftMax + 1) * 4);
for (let power = 0; power <= shiftMax; power++) {
  let rest = 10n ** BigInt(power);
  for (let limb = 0; limb < 4; limb++) {
    powerLimbs[power * 4 + limb] = Number(rest & 0xffffn);
    rest >>= 16n;
  }
}

const product = new Float64Array(8);

/**
 * Stores a decimal of at most 15 digits, written plainly (`-12.50`), in a decimal column: nearly all
 * there are. False: not of this form, or maybe too large, so the general way has to be taken. The
 * 128-bit product is made of 16-bit limbs because bigints would cost more than all else of a value.
 */
export function storePlainDecimal(
  node: ColumnNode,
  row: number,
  u: Uint8Array,
  start: number,
  stop: number,
): boolean {
  const negative = u[start] === 45;
  const from = negative ? start + 1 : start;
  let mantissa = 0;
  let point = -1;
  for (let i = from; i < stop; i++) {
    const c = u[i]!;
    if (c === 46 && point < 0) point = i;
    else if (c >= 48 && c <= 57) mantissa = mantissa * 10 + c - 48;
    else return false;
  }
  const digits = stop - from - (point < 0 ? 0 : 1);
  const shift = node.scale - (point < 0 ? 0 : stop - point - 1);
  if (digits === 0 || digits > digitsMax) return false;
  if (shift < 0 || shift > shiftMax || digits + shift > node.precision) return false;
  multiply(mantissa, shift);
  storeProduct(node, row, negative && mantissa !== 0);
  return true;
}

function multiply(mantissa: number, shift: number): void {
  product.fill(0);
  let rest = mantissa;
  for (let i = 0; i < 4; i++) {
    const high = Math.floor(rest / 65536);
    const limb = rest - high * 65536;
    rest = high;
    if (limb === 0) continue;
    for (let j = 0; j < 4; j++) {
      product[i + j] = product[i + j]! + limb * powerLimbs[shift * 4 + j]!;
    }
  }
  let carry = 0;
  for (let i = 0; i < 8; i++) {
    const sum = product[i]! + carry;
    carry = Math.floor(sum / 65536);
    product[i] = sum - carry * 65536;
  }
}

/** Four 32-bit words, negated as two's complement if need be. */
function storeProduct(node: ColumnNode, row: number, negative: boolean): void {
  const words = node.openDecimal(row);
  let borrow = 1;
  for (let i = 0; i < 4; i++) {
    let word = product[i * 2]! + product[i * 2 + 1]! * 65536;
    if (negative) {
      word = 4294967295 - word + borrow;
      borrow = word > 4294967295 ? 1 : 0;
    }
    words[row * 4 + i] = word | 0;
  }
}
