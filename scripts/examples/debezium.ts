import { type Bson, type BsonDocument, extendedJson, fieldOf } from "./bson.ts";

/** A change of a collection, as MongoDB tells it. */
export type Change = {
  readonly db: string;
  readonly collection: string;
  /** `r` is a snapshot's read. */
  readonly op: "c" | "u" | "d" | "r";
  readonly id: Bson;
  /** The document after the change; null for a delete, or where the look-up found none. */
  readonly after: BsonDocument | null;
  /** The document before the change, where pre-images are on. */
  readonly before: BsonDocument | null;
  /** What an update set and removed; null for a replacement. */
  readonly update: { readonly set: BsonDocument; readonly removed: readonly string[] } | null;
  readonly ms: number;
};

/** A change event of the Debezium MongoDB connector 3.6.1, JsonConverter without schemas. */
export function envelope(change: Change): object {
  const { op, update, ms } = change;
  const strict = (document: BsonDocument | null) =>
    document === null ? null : extendedJson(document, "strict");
  return {
    before: strict(change.before),
    after: strict(change.after),
    updateDescription: update === null ? null : {
      removedFields: update.removed.length === 0 ? null : update.removed,
      updatedFields: update.set.fields.length === 0 ? null : extendedJson(update.set, "relaxed"),
      truncatedArrays: null,
    },
    source: {
      version: "3.6.1.Final",
      connector: "mongodb",
      name: "demo",
      ts_ms: ms,
      snapshot: op === "r" ? "true" : "false",
      db: change.db,
      sequence: null,
      ts_us: ms * 1000,
      // Beyond 2^53, so that it cannot be a number here; see `json`.
      ts_ns: `${ms}000000n`,
      collection: change.collection,
      ord: op === "r" ? -1 : 1,
      lsid: null,
      txnNumber: null,
      wallTime: op === "r" ? null : ms,
    },
    op,
    ts_ms: ms + 120,
    transaction: null,
  };
}

/** The record key of a change. */
export function recordKey(change: Change): object {
  return { id: extendedJson(change.id, "relaxed") };
}

/** JSON text; strings such as `123n` in it are numbers. */
export function json(value: unknown): string {
  return JSON.stringify(value).replace(/"(\d+)n"/g, "$1");
}

/** A change event with the Connect schema beside it, as `schemas.enable=true` writes. */
export function withSchemas(change: Change): { readonly key: object; readonly value: object } {
  const name = `demo.${change.db}.${change.collection}`;
  const key = {
    type: "struct",
    fields: [string("id", false)],
    optional: false,
    name: `${name}.Key`,
  };
  return {
    key: { schema: key, payload: recordKey(change) },
    value: { schema: envelopeSchema(name), payload: envelope(change) },
  };
}

/** An insert of a whole document. */
export function insert(
  document: BsonDocument,
  place: { readonly db: string; readonly collection: string; readonly ms: number },
): Change {
  const id = fieldOf(document, "_id");
  return { ...place, op: "c", id, after: document, before: null, update: null };
}

const jsonText = { name: "io.debezium.data.Json", version: 1 };

function string(field: string, optional: boolean): object {
  return { type: "string", optional, field };
}

function number(type: "int32" | "int64", field: string, optional: boolean): object {
  return { type, optional, field };
}

function envelopeSchema(name: string): object {
  return {
    type: "struct",
    fields: [
      { type: "string", optional: true, ...jsonText, field: "before" },
      { type: "string", optional: true, ...jsonText, field: "after" },
      updateSchema(),
      sourceSchema(),
      string("op", true),
      number("int64", "ts_ms", true),
      {
        type: "struct",
        fields: [
          string("id", false),
          number("int64", "total_order", false),
          number("int64", "data_collection_order", false),
        ],
        optional: true,
        name: "event.block",
        version: 1,
        field: "transaction",
      },
    ],
    optional: false,
    name: `${name}.Envelope`,
  };
}

function updateSchema(): object {
  const truncated = {
    type: "struct",
    fields: [string("field", false), number("int32", "size", false)],
    optional: false,
    name: "io.debezium.connector.mongodb.changestream.truncatedarray",
    version: 1,
  };
  return {
    type: "struct",
    fields: [
      {
        type: "array",
        items: { type: "string", optional: false },
        optional: true,
        field: "removedFields",
      },
      { type: "string", optional: true, ...jsonText, field: "updatedFields" },
      { type: "array", items: truncated, optional: true, field: "truncatedArrays" },
    ],
    optional: true,
    name: "io.debezium.connector.mongodb.changestream.updatedescription",
    version: 1,
    field: "updateDescription",
  };
}

function sourceSchema(): object {
  return {
    type: "struct",
    fields: [
      string("version", false),
      string("connector", false),
      string("name", false),
      number("int64", "ts_ms", false),
      { type: "string", optional: true, default: "false", field: "snapshot" },
      string("db", false),
      string("sequence", true),
      number("int64", "ts_us", true),
      number("int64", "ts_ns", true),
      string("collection", false),
      number("int32", "ord", false),
      string("lsid", true),
      number("int64", "txnNumber", true),
      number("int64", "wallTime", true),
    ],
    optional: false,
    name: "io.debezium.connector.mongo.Source",
    field: "source",
  };
}
