/** Records that a run is killed over: several collections, new columns, wider types, no events. */

type Document = Readonly<Record<string, unknown>>;

const collections = ["orders", "customers", "visits"];
const insertsPerCollection = 10;

/**
 * Lines of key and value, in pieces that are fed one after another, each a flush. Every piece has
 * rows for each collection; from piece to piece columns come and types grow.
 */
export function pairPieces(pieces = 5): string[] {
  return Array.from({ length: pieces }, (_, piece) => {
    const lines = recordsOf(piece).map(({ key, value }) => JSON.stringify({ key, value }));
    if (piece % 2 === 1) lines.push("this is no event");
    return lines.map((line) => `${line}\n`).join("");
  });
}

/** The same records as `kcat -J` prints them: two partitions, offsets with gaps. */
export function kcatPieces(pieces = 5): string[] {
  const next = [100, 7000];
  return Array.from({ length: pieces }, (_, piece) =>
    recordsOf(piece).map(({ key, value }, i) => {
      const partition = i % 2;
      const offset = next[partition] ?? 0;
      next[partition] = offset + (offset % 7 === 0 ? 3 : 1);
      const payload = value === null ? null : JSON.stringify(value);
      const record = { topic: "shop.all", partition, offset, ts: 1_769_860_800_000 };
      return `${JSON.stringify({ ...record, key: JSON.stringify(key), payload })}\n`;
    }).join(""));
}

function recordsOf(piece: number): { readonly key: object; readonly value: object | null }[] {
  return collections.flatMap((collection, c) => {
    const ids = Array.from({ length: insertsPerCollection }, (_, i) => piece * 1000 + c * 100 + i);
    const first = ids[0] ?? 0;
    return [
      ...ids.map((id) => record("c", collection, id, document(piece, id))),
      record("u", collection, first, { ...document(piece, first), changed: true }),
      record("d", collection, first, null),
      { key: keyOf(first), value: null },
    ];
  });
}

function document(piece: number, id: number): Document {
  return {
    _id: id,
    name: `name ${id}`,
    n: piece < 3 ? id : { $numberLong: String(2n ** 40n + BigInt(id)) },
    amount: piece < 2 ? id : id + 0.5,
    tags: [`t${id % 3}`, `piece ${piece}`],
    ...(piece < 1 ? {} : { [`since${piece}`]: { at: { $date: 1_700_000_000_000 + id } } }),
  };
}

function keyOf(id: number): object {
  return { id: String(id) };
}

function record(op: string, collection: string, id: number, after: Document | null) {
  const ts_ms = 1_769_860_800_000 + id;
  const source = { version: "3.6.1.Final", connector: "mongodb", name: "shop", ts_ms };
  const value = {
    before: null,
    after: after === null ? null : JSON.stringify(after),
    updateDescription: null,
    source: { ...source, snapshot: "false", db: "shop", collection },
    op,
    ts_ms,
  };
  return { key: keyOf(id), value };
}
