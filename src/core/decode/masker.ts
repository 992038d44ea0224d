import { createHash, createHmac } from "node:crypto";
import { ByteBuffer } from "../event/byte-buffer.ts";
import { brokenJson, skipColon, skipSpace, skipString, skipValue } from "../event/json-scan.ts";
import { unescapedText, unescapeString, writeJsonString } from "../event/json-string.ts";
import { writeCanonical } from "./canonical-json.ts";
import { type MaskDone, type MaskPlaces, maskStep } from "./field-mask.ts";

const encoder = new TextEncoder();
const redacted = encoder.encode("***");
const objectIdStart = `{"$oid":"`;
/** Deeper than MongoDB's documents go; what is below is replaced as a whole. */
const depthMax = 250;

/** Replaces masked values; `key` is that of the hashes, null: they have none. */
export class Masker {
  private readonly key: string | null;
  private readonly text = new ByteBuffer(256);
  private readonly spliced = new ByteBuffer(1024);

  constructor(key: string | null) {
    this.key = key;
  }

  /**
   * What stands for the value at `p`: equal for equal values, whatever their Extended JSON. Of a
   * string its content is hashed and of an ObjectId its digits, so that other tools find the same;
   * of other values the canonical Extended JSON in which equal numbers are equal.
   */
  replacement(u: Uint8Array, p: number, mode: MaskDone): Uint8Array {
    if (mode === "redact") return redacted;
    const { text } = this;
    text.length = 0;
    if (u[p] === 34) unescapeString(u, p, text);
    else writeCanonical(text, u, p, "identity");
    let start = 0;
    let end = text.length;
    if (u[p] === 123 && startsWith(text, objectIdStart)) {
      start = objectIdStart.length;
      end -= 2;
    }
    const content = text.bytes.subarray(start, end);
    const hash = this.key === null ? createHash("sha256") : createHmac("sha256", this.key);
    return encoder.encode(hash.update(content).digest("hex"));
  }

  /** Appends what stands for the value at `p` as a JSON string; null stays null. */
  writeReplacement(out: ByteBuffer, u: Uint8Array, p: number, mode: MaskDone): void {
    if (u[p] === 110) {
      out.appendAscii("null");
      return;
    }
    const text = this.replacement(u, p, mode);
    writeJsonString(out, text, 0, text.length);
  }

  /** Appends the value at `p` as canonical Extended JSON, masked; the position behind it. */
  writeCanonical(out: ByteBuffer, u: Uint8Array, p: number, places: MaskPlaces): number {
    if (places.length === 0) return writeCanonical(out, u, p, "typed");
    const { spliced } = this;
    spliced.length = 0;
    const end = this.splice(spliced, u, p, places);
    spliced.seal();
    writeCanonical(out, spliced.bytes, skipSpace(spliced.bytes, 0), "typed");
    return end;
  }

  /** Appends the value at `p` as it stands but for what is masked; the position behind it. */
  splice(out: ByteBuffer, u: Uint8Array, p: number, places: MaskPlaces): number {
    return this.visit(out, u, p, places, 0);
  }

  private visit(
    out: ByteBuffer,
    u: Uint8Array,
    p: number,
    places: MaskPlaces,
    depth: number,
  ): number {
    const c = u[p];
    const end = skipValue(u, p);
    if (places.length === 0 || (c !== 123 && c !== 91)) {
      out.append(u, p, end);
      return end;
    }
    if (depth > depthMax) {
      writeJsonString(out, redacted, 0, redacted.length);
      return end;
    }
    const closing = c === 123 ? 125 : 93;
    let copied = p;
    let q = skipSpace(u, p + 1);
    while (u[q] !== closing) {
      let mode: MaskDone | null = null;
      let below = places;
      if (c === 123) {
        if (u[q] !== 34) throw brokenJson("no key where one is due", q);
        const step = maskStep(places, unescapedText(u, q));
        mode = step.mode;
        below = step.below;
        q = skipColon(u, skipString(u, q));
      }
      out.append(u, copied, q);
      if (mode === null) q = this.visit(out, u, q, below, depth + 1);
      else {
        this.writeReplacement(out, u, q, mode);
        q = skipValue(u, q);
      }
      copied = q;
      q = skipSpace(u, q);
      if (u[q] === 44) q = skipSpace(u, q + 1);
      else if (u[q] !== closing) throw brokenJson("neither a comma nor an end", q);
    }
    out.append(u, copied, end);
    return end;
  }
}

function startsWith({ bytes, length }: ByteBuffer, text: string): boolean {
  if (length < text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[i] !== text.charCodeAt(i)) return false;
  return true;
}
