import { ByteBuffer } from "../event/byte-buffer.ts";
import { bytesAt, skipColon, skipSpace, skipString } from "../event/json-scan.ts";
import { unescapeString } from "../event/json-string.ts";
import type { ColumnNode } from "./column-node.ts";

/** The field looked up last. One object, reused. */
export type FieldToken = {
  /** Null: the struct has no node of this name. */
  kid: ColumnNode | null;
  /** First byte of the value. */
  valueAt: number;
  /** The name's text without escapes; set when there is no node. */
  buffer: Uint8Array;
  start: number;
  end: number;
  readonly scratch: ByteBuffer;
};

/** An empty token. */
export function createFieldToken(): FieldToken {
  return {
    kid: null,
    valueAt: 0,
    buffer: new Uint8Array(0),
    start: 0,
    end: 0,
    scratch: new ByteBuffer(256),
  };
}

/** Below this many fields they are compared one after the other. */
const linearMax = 8;

/**
 * Finds the field of `node` whose key's opening quote is at `p`. Documents of one collection have
 * nearly always the same order of fields, so the next field is guessed first, then the one behind it
 * (one field is missing); wide documents in another order go through a hash table.
 */
export function findField(node: ColumnNode, u: Uint8Array, p: number, token: FieldToken): void {
  const kids = node.kids;
  const guess = node.next;
  const last = guess + 2 < kids.length ? guess + 2 : kids.length;
  for (let i = guess; i < last; i++) {
    const kid = kids[i]!;
    const key = kid.keyBytes;
    if (key.length === 0 || !bytesAt(u, p, key)) continue;
    node.next = i + 1;
    token.kid = kid;
    let at = p + key.length;
    if (u[at] === 32) at++;
    token.valueAt = u[at]! <= 32 ? skipSpace(u, at) : at;
    return;
  }
  searchField(node, u, p, token);
}

function searchField(node: ColumnNode, u: Uint8Array, p: number, token: FieldToken): void {
  const end = skipString(u, p);
  token.buffer = u;
  token.start = p + 1;
  token.end = end - 1;
  for (let i = p + 1; i < end - 1; i++) {
    if (u[i] !== 92) continue;
    token.scratch.length = 0;
    unescapeString(u, p, token.scratch);
    token.buffer = token.scratch.bytes;
    token.start = 0;
    token.end = token.scratch.length;
    break;
  }
  token.valueAt = skipColon(u, end);
  const index = indexOfName(node, token.buffer, token.start, token.end);
  token.kid = index < 0 ? null : node.kids[index]!;
  if (index >= 0) node.next = index + 1;
}

/** Index in `kids`, or -1. */
function indexOfName(node: ColumnNode, u: Uint8Array, start: number, end: number): number {
  const { kids, table } = node;
  if (table === null) {
    for (let i = 0; i < kids.length; i++) {
      if (sameBytes(kids[i]!.nameBytes, u, start, end)) return i;
    }
    return -1;
  }
  const mask = table.length - 1;
  let slot = hashBytes(u, start, end) & mask;
  for (;;) {
    const entry = table[slot]!;
    if (entry === 0) return -1;
    if (sameBytes(kids[entry - 1]!.nameBytes, u, start, end)) return entry - 1;
    slot = (slot + 1) & mask;
  }
}

function sameBytes(name: Uint8Array, u: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) if (name[i] !== u[start + i]) return false;
  return true;
}

/** FNV-1a. */
function hashBytes(u: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ u[i]!, 0x01000193);
  return hash ^ (hash >>> 15);
}

/** Adds a field's node. The name must be new. */
export function addField(node: ColumnNode, kid: ColumnNode): void {
  node.kids.push(kid);
  const count = node.kids.length;
  if (count <= linearMax) return;
  if (node.table === null || count * 2 > node.table.length) rebuildTable(node);
  else insert(node.table, kid, count - 1);
}

/**
 * Forgets fields that never got a type, when documents with ever new names have left many of them.
 * They decide nothing: a field without a type is as good as unknown.
 */
export function forgetUntypedFields(node: ColumnNode): void {
  node.kids = node.kids.filter((kid) => kid.kind !== 0);
  node.next = 0;
  if (node.table !== null) rebuildTable(node);
}

function rebuildTable(node: ColumnNode): void {
  let size = 32;
  while (size < node.kids.length * 4) size *= 2;
  const table = new Int32Array(size);
  node.kids.forEach((kid, i) => insert(table, kid, i));
  node.table = table;
}

function insert(table: Int32Array, kid: ColumnNode, index: number): void {
  const mask = table.length - 1;
  let slot = hashBytes(kid.nameBytes, 0, kid.nameBytes.length) & mask;
  while (table[slot] !== 0) slot = (slot + 1) & mask;
  table[slot] = index + 1;
}
