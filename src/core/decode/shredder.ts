import { brokenJson, bytesAt, locate, skipSpace, skipValue } from "../event/json-scan.ts";
import { writeJsonString } from "../event/json-string.ts";
import { checkJson } from "./canonical-json.ts";
import {
  type ColumnNode,
  filterAll,
  filterBelow,
  filterSkip,
  kindDecimal,
  kindList,
  kindString,
  kindStruct,
  kindUnknown,
} from "./column-node.ts";
import { columnKindOf } from "./column-types.ts";
import { readWrapper } from "./extended-json.ts";
import { dottedPath, type FieldFilter, fieldFilter, filterOfPath } from "./field-filter.ts";
import { type MaskPlaces, maskStep } from "./field-mask.ts";
import { createFieldToken, findField } from "./field-lookup.ts";
import { Masker } from "./masker.ts";
import { asciiText, createNumberToken, numberDouble, readNumber } from "./number-literal.ts";
import { pointerSegment, type RescueLog, type RescueReason } from "./rescue.ts";
import type { SchemaTree } from "./schema-tree.ts";
import {
  acceptsString,
  storeBoolean,
  storeDecimal,
  storeDouble,
  storeInteger,
} from "./type-ladder.ts";
import { storeWrapped } from "./wrapped-values.ts";
import {
  createWrapperToken,
  wrapperNone,
  wrapperRegex,
  wrapperSymbol,
  wrapperText,
} from "./wrapper-token.ts";

const trueText = new TextEncoder().encode("true");
const falseText = new TextEncoder().encode("false");
const nullText = new TextEncoder().encode("null");
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Cuts documents into columns: one pass over the text, which drives the writers of the columns. No
 * tree of the document is made. What no column takes goes into `rescue`.
 */
export class Shredder {
  readonly tree: SchemaTree;
  readonly rescue: RescueLog;
  readonly masker: Masker;
  private readonly filter: FieldFilter;
  private readonly depthMax: number;
  private u: Uint8Array;
  private readonly number = createNumberToken();
  private readonly wrapper = createWrapperToken();
  private readonly field = createFieldToken();

  constructor(tree: SchemaTree, rescue: RescueLog) {
    this.tree = tree;
    this.rescue = rescue;
    this.masker = new Masker(tree.rules.maskKey);
    this.filter = fieldFilter(tree.rules);
    this.depthMax = tree.rules.depthMax;
    this.u = new Uint8Array(0);
  }

  /**
   * Writes the document `u[start .. end)`, sealed text, as row `row`. Errors: `decode` when it is
   * no JSON object; the caller then calls `undo`.
   */
  document(u: Uint8Array, start: number, end: number, row: number): void {
    this.u = u;
    try {
      const p = skipSpace(u, start);
      if (u[p] !== 123) throw brokenJson("no object", p);
      this.tree.begin(u, p);
      const close = this.fields(this.tree.root, p, row);
      if (close > end || skipSpace(u, close) < end) throw brokenJson("text after it", close);
    } catch (error) {
      throw locate(firstFault(u, start) ?? error, { name: "document", start, end });
    }
  }

  /**
   * Writes a top-level field unless the row has it already; its value is the sealed text
   * `u[0 .. end)`.
   */
  fieldIfAbsent(name: string, u: Uint8Array, end: number, row: number): void {
    const root = this.tree.root;
    const kid = this.tree.fieldNamed(root, name);
    if (kid.seenRow === row) return;
    kid.seenRow = row;
    this.u = u;
    const p = skipSpace(u, 0);
    this.tree.begin(u, p);
    const close = this.value(kid, p, row);
    if (close > end || skipSpace(u, close) < end) throw brokenJson("text after the value", close);
  }

  /** Forgets a row that was left half written. */
  undo(row: number): void {
    this.tree.root.truncate(row);
    this.tree.root.forgetRows();
    this.rescue.clearRow();
  }

  /** Writes the value at `p` into a row of a column; returns the position behind it. */
  private value(node: ColumnNode, p: number, row: number): number {
    if (node.special !== 0) return this.specialValue(node, p, row);
    return this.plainValue(node, p, row);
  }

  /** Columns without a type, and those that settings or names keep values out of. */
  private specialValue(node: ColumnNode, p: number, row: number): number {
    const u = this.u;
    const c = u[p]!;
    if (c === 110) return this.plainValue(node, p, row);
    if (node.filter === filterSkip) return skipValue(u, p);
    if (node.filter === filterBelow && !this.isContainer(p)) return skipValue(u, p);
    if (node.kind === kindUnknown && node.blocked === null && this.tree.clashes(node)) {
      node.blocked = "clash";
    }
    if (node.mask !== null) return this.maskedValue(node, p, row);
    if (node.kind === kindUnknown) {
      if (node.blocked === null && node.fixedType !== null) {
        const { kind, precision, scale } = columnKindOf(node.fixedType);
        if (!this.tree.become(node, kind, precision, scale)) {
          return this.misfit(node, p, row, "columns-max");
        }
      }
    }
    if (node.blocked !== null) return this.misfit(node, p, row, node.blocked);
    if (node.flat && this.isContainer(p)) return this.misfit(node, p, row, "type");
    return this.plainValue(node, p, row);
  }

  /** A value whose place something else takes: no more than that may be written anywhere. */
  private maskedValue(node: ColumnNode, p: number, row: number): number {
    const u = this.u;
    const end = skipValue(u, p);
    const text = this.masker.replacement(u, p, node.mask!);
    const refused = node.blocked ?? acceptsString(this.tree, node);
    if (refused === null) node.setBytes(row, text, 0, text.length);
    else {
      const from = this.rescue.text.length;
      writeJsonString(this.rescue.text, text, 0, text.length);
      this.rescue.add(this.pathOf(node, false), this.pathOf(node, true), refused, from);
    }
    return end;
  }

  private isContainer(p: number): boolean {
    const u = this.u;
    if (u[p] === 91) return true;
    if (u[p] !== 123) return false;
    const inner = skipSpace(u, p + 1);
    const dollar = u[inner] === 34 && u[inner + 1] === 36;
    return !dollar || readWrapper(u, inner, this.wrapper) === wrapperNone;
  }

  private plainValue(node: ColumnNode, p: number, row: number): number {
    const u = this.u;
    const c = u[p]!;
    if (c === 34) {
      if (node.kind === kindString) return node.setString(row, u, p);
      return this.string(node, p, p, row);
    }
    if (c === 123) {
      let inner = p + 1;
      if (u[inner] !== 34) inner = skipSpace(u, inner);
      if (u[inner] === 34 && u[inner + 1] === 36) {
        const kind = readWrapper(u, inner, this.wrapper);
        if (kind !== wrapperNone) return this.wrapped(node, p, row, kind);
      }
      return this.object(node, p, row);
    }
    if (c === 91) return this.list(node, p, row);
    if (c === 110) {
      if (!bytesAt(u, p, nullText)) throw brokenJson("no value", p);
      return p + 4;
    }
    if (c === 116 || c === 102) {
      if (!bytesAt(u, p, c === 116 ? trueText : falseText)) throw brokenJson("no value", p);
      const refused = storeBoolean(this.tree, node, row, c === 116);
      if (refused !== null) return this.misfit(node, p, row, refused);
      return c === 116 ? p + 4 : p + 5;
    }
    return this.bareNumber(node, p, row);
  }

  private bareNumber(node: ColumnNode, p: number, row: number): number {
    const { number, tree } = this;
    readNumber(this.u, p, number);
    const end = number.end;
    const refused = number.kind !== numberDouble
      ? storeInteger(tree, node, row, number, false)
      : node.kind === kindDecimal && node.fixedType !== null
      ? storeDecimal(tree, node, row, asciiText(this.u, p, end))
      : storeDouble(tree, node, row, number.value);
    return refused === null ? end : this.misfit(node, p, row, refused);
  }

  /** The string at the quote `quote`, whose value starts at `p` (a symbol's is an object). */
  private string(node: ColumnNode, p: number, quote: number, row: number): number {
    const refused = acceptsString(this.tree, node);
    if (refused !== null) return this.misfit(node, p, row, refused);
    return node.setString(row, this.u, quote);
  }

  private wrapped(node: ColumnNode, p: number, row: number, kind: number): number {
    const { tree, wrapper } = this;
    const end = wrapper.end;
    if (kind === wrapperSymbol || kind === wrapperRegex || kind === wrapperText) {
      if (kind === wrapperSymbol) {
        this.string(node, p, wrapper.second, row);
        return end;
      }
      const refused = acceptsString(tree, node);
      if (refused !== null) return this.misfit(node, p, row, refused);
      return this.canonicalText(node, p, row);
    }
    const refused = storeWrapped(tree, node, row, wrapper);
    return refused === null ? end : this.misfit(node, p, row, refused);
  }

  private object(node: ColumnNode, p: number, row: number): number {
    if (node.kind !== kindStruct && node.kind !== kindUnknown) {
      return this.misfit(node, p, row, "type");
    }
    if (node.depth >= this.depthMax) return this.misfit(node, p, row, "depth");
    const mark = this.rescue.mark;
    const end = this.fields(node, p, row);
    if (node.kind === kindStruct) {
      node.setPresent(row);
      return end;
    }
    return this.untyped(node, p, row, mark, end);
  }

  /** Nothing in the value had a type, so there is no column yet that could say it was there. */
  private untyped(node: ColumnNode, p: number, row: number, mark: number, end: number): number {
    if (node.filter === filterBelow) return end;
    const reason = this.rescue.rollback(mark) ?? "untyped-empty";
    return this.misfit(node, p, row, reason);
  }

  /** The fields of the object at `p`; returns the position behind it. */
  private fields(node: ColumnNode, p: number, row: number): number {
    const u = this.u;
    const { field } = this;
    node.next = 0;
    p++;
    if (u[p] !== 34) p = skipSpace(u, p);
    if (u[p] === 125) return p + 1;
    for (;;) {
      if (u[p] !== 34) throw brokenJson("no key where one is due", p);
      findField(node, u, p, field);
      const kid = field.kid;
      if (kid === null) p = this.newField(node, field.valueAt, row);
      else {
        // The last field of a name wins, as it does in MongoDB's drivers.
        if (kid.seenRow === row) this.forget(kid, row);
        kid.seenRow = row;
        p = this.value(kid, field.valueAt, row);
      }
      let c = u[p]!;
      if (c <= 32) {
        p = skipSpace(u, p);
        c = u[p]!;
      }
      if (c === 44) {
        p++;
        if (u[p] !== 34) p = skipSpace(u, p);
      } else if (c === 125) return p + 1;
      else throw brokenJson("neither a comma nor the object's end", p);
    }
  }

  /** A field met for the first time, or one that there is no room for a node of. */
  private newField(node: ColumnNode, p: number, row: number): number {
    const u = this.u;
    if (u[p] === 110 && bytesAt(u, p, nullText)) return p + 4;
    const { buffer, start, end } = this.field;
    const name = decoder.decode(buffer.subarray(start, end));
    if (this.tree.hasRoomFor(1)) {
      const kid = this.tree.newField(node, name);
      kid.seenRow = row;
      return this.value(kid, p, row);
    }
    if (!this.takes(node, name)) return skipValue(u, p);
    const path = `${this.pathOf(node, false)}/${pointerSegment(name)}`;
    const tallyPath = `${this.pathOf(node, true)}/*`;
    const { mode, below } = maskStep(node.masks, name);
    if (mode === null) return this.rescueText(path, tallyPath, "columns-max", p, below);
    const from = this.rescue.text.length;
    this.masker.writeReplacement(this.rescue.text, u, p, mode);
    this.rescue.add(path, tallyPath, "columns-max", from);
    return skipValue(u, p);
  }

  /** Whether include and exclude lists let a field through that has no node. */
  private takes(node: ColumnNode, name: string): boolean {
    const above = dottedPath(node);
    return filterOfPath(this.filter, above === "" ? name : `${above}.${name}`) === filterAll;
  }

  /** A second field of the same name: what the first one left is taken back. */
  private forget(kid: ColumnNode, row: number): void {
    kid.truncate(row);
    if (this.rescue.mark > 0) this.rescue.drop(this.pathOf(kid, false));
  }

  private list(node: ColumnNode, p: number, row: number): number {
    if (node.kind !== kindList && node.kind !== kindUnknown) {
      return this.misfit(node, p, row, "type");
    }
    if (node.depth >= this.depthMax) return this.misfit(node, p, row, "depth");
    const u = this.u;
    const mark = this.rescue.mark;
    const item = node.item ?? this.tree.itemOf(node);
    const first = node.items;
    let count = 0;
    let q = skipSpace(u, p + 1);
    if (u[q] === 93) q++;
    else {
      for (;;) {
        node.index = count;
        q = skipSpace(u, this.value(item, q, first + count));
        count++;
        const c = u[q]!;
        if (c === 44) q = skipSpace(u, q + 1);
        else if (c === 93) {
          q++;
          break;
        } else throw brokenJson("neither a comma nor the array's end", q);
      }
    }
    if (node.kind !== kindList) return this.untyped(node, p, row, mark, q);
    node.setItems(row, first + count);
    return q;
  }

  /** A value that its column does not take: as text if the user fixed the column so, else rescued. */
  private misfit(node: ColumnNode, p: number, row: number, reason: RescueReason): number {
    if (node.kind === kindString && node.fixedType?.kind === "string" && node.blocked === null) {
      return this.canonicalText(node, p, row);
    }
    const { masks } = node;
    return this.rescueText(this.pathOf(node, false), this.pathOf(node, true), reason, p, masks);
  }

  private rescueText(
    path: string,
    tallyPath: string,
    reason: RescueReason,
    p: number,
    masks: MaskPlaces,
  ): number {
    const text = this.rescue.text;
    const from = text.length;
    const end = this.masker.writeCanonical(text, this.u, p, masks);
    this.rescue.add(path, tallyPath, reason, from);
    return end;
  }

  /** Stores a value as canonical Extended JSON. */
  private canonicalText(node: ColumnNode, p: number, row: number): number {
    const text = this.rescue.text;
    const from = text.length;
    const end = this.masker.writeCanonical(text, this.u, p, node.masks);
    node.setBytes(row, text.bytes, from, text.length);
    text.length = from;
    return end;
  }

  /** JSON Pointer of a column in the row at hand; for counts with `*` in place of indices. */
  private pathOf(node: ColumnNode, tally: boolean): string {
    const parent = node.parent;
    if (parent === null) return "";
    const segment = parent.item !== node
      ? pointerSegment(node.name)
      : tally
      ? "*"
      : String(parent.index);
    return `${this.pathOf(parent, tally)}/${segment}`;
  }
}

/** What a plain reading finds wrong first: the same whatever columns there were to be filled. */
function firstFault(u: Uint8Array, start: number): unknown {
  try {
    checkJson(u, skipSpace(u, start));
    return null;
  } catch (error) {
    return error;
  }
}
