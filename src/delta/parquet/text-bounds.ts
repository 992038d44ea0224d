import { comparedBytesMax } from "./bounds.ts";

/** Prefixes beyond this are not kept, whatever the table asks for; a shorter one is as valid. */
const prefixMax = 64;
const lastCodePoint = 0x10ffff;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Bounds of strings cut to `prefixLength` UTF-16 units: the least value's prefix sorts before it; the
 * greatest one's prefix gets a character behind it that sorts after whatever was cut off. `max` is
 * null when there is none such.
 */
export function textBounds(
  min: Uint8Array,
  max: Uint8Array,
  prefixLength: number,
): { readonly min: string | null; readonly max: string | null } {
  const length = Math.min(prefixLength, prefixMax);
  const least = decoder.decode(wholeCharacters(min));
  const most = decoder.decode(wholeCharacters(max));
  // Not UTF-8: readers would disagree about the order.
  if (least.includes("\ufffd") || most.includes("\ufffd")) return { min: null, max: null };
  return {
    min: least.slice(0, cutAt(least, length)),
    max: raisedPrefix(most, length, max.length > comparedBytesMax),
  };
}

/** Bounds are cut at a byte; a character that was cut in two is left out. */
function wholeCharacters(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= comparedBytesMax) return bytes;
  let end = bytes.length - 1;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

/** `length`, or one less when that would part a surrogate pair. */
function cutAt(text: string, length: number): number {
  if (text.length <= length) return text.length;
  const unit = text.charCodeAt(length - 1);
  return unit >= 0xd800 && unit <= 0xdbff ? length - 1 : length;
}

function raisedPrefix(text: string, length: number, isCut: boolean): string | null {
  if (text.length <= length && !isCut) return text;
  for (let end = cutAt(text, length); end < text.length && end <= 2 * length;) {
    const next = text.codePointAt(end)!;
    if (next < 0x7f) return text.slice(0, end) + "\x7f";
    if (next < lastCodePoint) return text.slice(0, end) + String.fromCodePoint(lastCodePoint);
    end += 2;
  }
  return null;
}

/** Order of UTF-8 bytes, which is that of code points; UTF-16's own differs above the surrogates. */
export function compareText(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA !== unitB) return rank(unitA) - rank(unitB);
  }
  return a.length - b.length;
}

/** Surrogates stand for the highest code points. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
