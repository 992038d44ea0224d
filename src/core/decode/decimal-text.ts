/** A Decimal128 taken apart: `sign × coefficient × 10^exponent`. */
export type DecimalParts = { readonly coefficient: bigint; readonly exponent: number };

/** Decimal128 has 34 digits and exponents from -6176 to 6111; more is no Decimal128. */
const exponentMax = 7000;
const pattern = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/;

/** Null for NaN, infinities and what is no number at all. */
export function parseDecimal(text: string): DecimalParts | null {
  if (text.length > 1000) return null;
  const match = pattern.exec(text);
  if (match === null) return null;
  const whole = match[2] ?? "";
  const fraction = match[3] ?? "";
  const digits = whole + fraction;
  if (digits === "") return null;
  const exponent = Number(match[4] ?? "0") - fraction.length;
  if (Math.abs(exponent) > exponentMax) return null;
  const magnitude = BigInt(digits);
  return { coefficient: match[1] === "-" ? -magnitude : magnitude, exponent };
}

/** True for the texts that stand for no finite number in a `$numberDecimal`. */
export function isSpecialDecimal(text: string): boolean {
  return /^[+-]?(nan|snan|inf(inity)?)$/i.test(text);
}

/**
 * The value times 10^scale when that is an integer of at most `precision` digits; null when the
 * decimal type cannot hold it exactly.
 */
export function unscaledDecimal(
  parts: DecimalParts,
  precision: number,
  scale: number,
): bigint | null {
  const { coefficient, exponent } = parts;
  if (coefficient === 0n) return 0n;
  const shift = exponent + scale;
  if (shift > precision) return null;
  let unscaled: bigint;
  if (shift >= 0) unscaled = coefficient * 10n ** BigInt(shift);
  else {
    const divisor = 10n ** BigInt(Math.min(-shift, 1100));
    if (coefficient % divisor !== 0n) return null;
    unscaled = coefficient / divisor;
  }
  const limit = 10n ** BigInt(precision);
  return unscaled < limit && unscaled > -limit ? unscaled : null;
}

/** The integer that a decimal is, or null. Exponents are bounded so that texts stay small. */
export function integralDecimal(parts: DecimalParts): bigint | null {
  return unscaledDecimal(parts, 40, 0);
}

/**
 * One spelling for equal decimals: no trailing zeros in the coefficient, plain digits where the
 * point lies among them, else `<coefficient>E<exponent>`.
 */
export function normalizedDecimal(parts: DecimalParts): string {
  let { coefficient, exponent } = parts;
  if (coefficient === 0n) return "0";
  while (coefficient % 10n === 0n) {
    coefficient /= 10n;
    exponent++;
  }
  const sign = coefficient < 0n ? "-" : "";
  const digits = (coefficient < 0n ? -coefficient : coefficient).toString();
  if (exponent === 0) return sign + digits;
  if (exponent > 0 || -exponent >= digits.length) return `${sign}${digits}E${exponent}`;
  return `${sign}${digits.slice(0, exponent)}.${digits.slice(exponent)}`;
}

/** The double that has exactly this value, or null. */
export function exactDouble(parts: DecimalParts): number | null {
  const { coefficient, exponent } = parts;
  if (coefficient === 0n) return 0;
  if (exponent >= 0) {
    if (exponent > 308) return null;
    const exact = coefficient * 10n ** BigInt(exponent);
    const value = Number(exact);
    return Number.isFinite(value) && BigInt(value) === exact ? value : null;
  }
  // c / 10^n is a double only if 5^n divides c: then it is a multiple of 2^-n.
  if (exponent < -400) return null;
  const fives = 5n ** BigInt(-exponent);
  if (coefficient % fives !== 0n) return null;
  const mantissa = coefficient / fives;
  const value = Number(mantissa);
  if (BigInt(value) !== mantissa) return null;
  return value / 2 ** -exponent;
}
