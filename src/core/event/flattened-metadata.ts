import { bytesAt } from "./json-scan.ts";

/** What a field says that `ExtractNewDocumentState` put beside a document's; `other`: not used. */
export type MetadataName =
  | "op"
  | "deleted"
  | "ts_ms"
  | "source_ts_ms"
  | "db"
  | "collection"
  | "transaction_id"
  | "other";

type Known = { readonly bytes: Uint8Array; readonly name: MetadataName };

/** Names of `add.fields` behind the prefix `__`; those that end in a quote are whole names. */
const known: readonly (readonly [string, MetadataName])[] = [
  ['op"', "op"],
  ['deleted"', "deleted"],
  ['ts_ms"', "ts_ms"],
  ['ts_us"', "other"],
  ['ts_ns"', "other"],
  ['db"', "db"],
  ['collection"', "collection"],
  ['ord"', "other"],
  ['lsid"', "other"],
  ['txnNumber"', "other"],
  ['wallTime"', "other"],
  ['source_ts_ms"', "source_ts_ms"],
  ['source_db"', "db"],
  ['source_collection"', "collection"],
  ["source_", "other"],
  ["updateDescription_", "other"],
  ['transaction_id"', "transaction_id"],
  ["transaction_", "other"],
];

const encoder = new TextEncoder();

const byFirstByte: readonly (readonly Known[])[] = Array.from(
  { length: 128 },
  (_, first) =>
    known.filter(([text]) => text.charCodeAt(0) === first)
      .map(([text, name]) => ({ bytes: encoder.encode(text), name })),
);

/**
 * What the field is whose key's opening quote is at `p` and whose name begins with `__`; null: one of
 * the document's own. Behind `__deleted` (`ended`) all are the transform's: it stands behind the
 * document's fields, and only what `add.fields` names comes after it.
 */
export function metadataAt(u: Uint8Array, p: number, ended: boolean): MetadataName | null {
  const first = u[p + 3]!;
  const candidates = first < 128 ? byFirstByte[first]! : [];
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i]!;
    if (bytesAt(u, p + 3, candidate.bytes)) return candidate.name;
  }
  return ended ? "other" : null;
}
