import type { Column } from "../../delta/columns/column.ts";
import { nullColumn } from "../../delta/columns/gather.ts";
import { plainFormat } from "../../delta/operations/file-format.ts";
import { field, type StructField, type StructType } from "../../delta/schema/data-type.ts";
import { toColumn } from "../decode/column-batch.ts";
import { type ColumnNode, kindList, kindStruct, kindUnknown } from "../decode/column-node.ts";
import { dataTypeOf } from "../decode/column-types.ts";
import { forgetUntypedFields } from "../decode/field-lookup.ts";
import { dateMsEnd, dateMsMin } from "../decode/iso-date.ts";
import { type MaskStep, maskStep } from "../decode/field-mask.ts";
import { baseSchema, isReservedName, ourColumns } from "../decode/our-columns.ts";
import { RescueLog } from "../decode/rescue.ts";
import { SchemaTree } from "../decode/schema-tree.ts";
import { Shredder } from "../decode/shredder.ts";
import { setMicros } from "../decode/type-ladder.ts";
import { ByteBuffer } from "../event/byte-buffer.ts";
import type { RecordFields, Span } from "../event/change-event.ts";
import { memberAt, quotedKey, skipSpace } from "../event/json-scan.ts";
import { asciiOf } from "../event/json-string.ts";
import type {
  CollectionRules,
  EncodedTable,
  TableKey,
  TableView,
  WidenedColumn,
} from "./encode-job.ts";
import { emptyTextColumn, ingestionColumns, ourColumn, writePosition } from "./our-rows.ts";
import type { RecordPlace } from "./position-tracker.ts";
import { encodeParts } from "./row-parts.ts";
import { TablePositions } from "./table-positions.ts";
import { writeUpdateDescription } from "./update-description.ts";

const idKey = quotedKey("id");
/** Fields without a type that a struct may carry from job to job. */
const untypedFieldsMax = 256;

const masked = new ByteBuffer(1024);
/** W3C Trace Context §3.2; later versions may append to it. */
const traceparentForm = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-[ -~]*)?$/;
const traceparentBytesMax = 256;

/** The rows of one collection being gathered; reused from job to job while the schema stays. */
export class CollectionTable {
  readonly key: TableKey;
  readonly rules: CollectionRules;
  readonly shredder: Shredder;
  readonly rescue: RescueLog;
  positions: TablePositions;
  rows: number;
  newestSourceMs: number | null;

  private readonly tree: SchemaTree;
  /** What is masked of `_id`, and so of the key. */
  private readonly idMask: MaskStep;
  /** Schema that the tree was made from, as the view has it; ours come first in a new table. */
  private base: StructType;
  private view: TableView | null;
  private readonly ours: ReadonlyMap<string, ColumnNode>;
  private readonly operation: ColumnNode;
  private readonly timestamp: ColumnNode;
  private readonly cdcKey: ColumnNode;
  private readonly topic: ColumnNode;
  private readonly partition: ColumnNode;
  private readonly offset: ColumnNode;
  private readonly rescued: ColumnNode;
  private readonly transactionId: ColumnNode | null;
  private readonly document: ColumnNode | null;
  /** The newest row's that has one. */
  private readonly traceparent: ByteBuffer;

  constructor(key: TableKey, rules: CollectionRules, view: TableView | null) {
    this.key = key;
    this.rules = rules;
    const ours = baseSchema(rules).fields;
    this.base = tableSchema(ours, view);
    this.view = view;
    const documents = documentFields(this.base);
    const oursCount = this.base.fields.length - documents.length;
    this.tree = new SchemaTree(rules, partitionNames(rules, view), oursCount);
    this.tree.addExisting(documents);
    this.idMask = maskStep(this.tree.root.masks, "_id");
    this.rescue = new RescueLog();
    this.shredder = new Shredder(this.tree, this.rescue);
    const nodes = new Map(ours.map((one) => [one.name, ourColumn(one)]));
    this.ours = nodes;
    this.operation = nodes.get(ourColumns.operation)!;
    this.timestamp = nodes.get(ourColumns.timestamp)!;
    this.cdcKey = nodes.get(ourColumns.key)!;
    this.topic = nodes.get(ourColumns.topic)!;
    this.partition = nodes.get(ourColumns.partition)!;
    this.offset = nodes.get(ourColumns.offset)!;
    this.rescued = nodes.get(ourColumns.rescued)!;
    this.transactionId = nodes.get(ourColumns.transactionId) ?? null;
    this.document = nodes.get(ourColumns.document) ?? null;
    this.traceparent = new ByteBuffer(64);
    this.positions = new TablePositions(view);
    this.rows = 0;
    this.newestSourceMs = null;
    this.tree.mayWiden = view?.mayWiden ?? true;
  }

  /** True when another job with this view finds the columns as it would make them itself. */
  fits(view: TableView | null): boolean {
    return view !== null && sameNames(view.partitionBy, this.partitionBy()) &&
      JSON.stringify(view.schema) === JSON.stringify(this.schema());
  }

  /** Empties the table for another job; the view must fit. */
  restart(view: TableView): void {
    this.base = view.schema;
    this.view = view;
    this.tree.adoptTypes(documentFields(view.schema));
    this.tree.mayWiden = view.mayWiden;
    this.tree.root.reset();
    forgetManyUntyped(this.tree.root);
    for (const node of this.ours.values()) node.reset();
    this.rescue.clearRow();
    this.rescue.takeTallies();
    this.positions = new TablePositions(view);
    this.rows = 0;
    this.newestSourceMs = null;
    this.traceparent.length = 0;
  }

  /** Ends the row whose document is written: everything that is not the document's. */
  finishRow(place: RecordPlace, row: RowFacts): void {
    const at = this.rows;
    this.operation.setBytes(at, row.operation, 0, row.operation.length);
    if (row.timestampMs >= dateMsMin && row.timestampMs < dateMsEnd) {
      setMicros(this.timestamp, at, row.timestampMs);
      const newest = this.newestSourceMs;
      if (newest === null || row.timestampMs > newest) this.newestSourceMs = row.timestampMs;
    }
    if (row.key !== null) {
      const key = this.maskedKey(row.key);
      this.cdcKey.setBytes(at, key.bytes, 0, key.length);
    }
    writePosition(at, place, this.topic, this.partition, this.offset);
    const rescued = this.rescue.finishRow();
    if (rescued !== null) this.rescued.setBytes(at, rescued.bytes, 0, rescued.length);
    this.positions.add(place);
    this.rows++;
  }

  /** Keeps the raw document, if the rules say so; before `finishRow`. */
  keepDocument(u: Uint8Array, start: number, end: number): void {
    if (this.document === null) return;
    const { masks } = this.tree.root;
    if (masks.length === 0) {
      this.document.setBytes(this.rows, u, start, end);
      return;
    }
    masked.length = 0;
    this.shredder.masker.splice(masked, u, skipSpace(u, start), masks);
    this.document.setBytes(this.rows, masked.bytes, 0, masked.length);
  }

  /** What an update without its document says of the change goes into the rescued values. */
  keepUpdateDescription(fields: RecordFields): void {
    writeUpdateDescription(fields, this.rescue, {
      masker: this.shredder.masker,
      places: this.tree.root.masks,
    });
  }

  /** The identity without what is masked of `_id`: equal ones stay equal. */
  private maskedKey(identity: ByteBuffer): ByteBuffer {
    const { mode, below } = this.idMask;
    if (mode === null && below.length === 0) return identity;
    identity.seal();
    masked.length = 0;
    const { masker } = this.shredder;
    if (mode === null) masker.splice(masked, identity.bytes, 0, below);
    else masker.writeReplacement(masked, identity.bytes, 0, mode);
    return masked;
  }

  /** Keeps the id of an event's `transaction` block, or the id alone; before `finishRow`. */
  keepTransactionId({ buffer, start }: Span): void {
    if (this.transactionId === null || buffer === null) return;
    const id = buffer[start] === 123 ? memberAt(buffer, start, idKey) : start;
    if (id >= 0 && buffer[id] === 34) this.transactionId.setString(this.rows, buffer, id);
  }

  /** Keeps what the row's record was traced by, until a newer row has something; after `finishRow`. */
  keepTraceparent(u: Uint8Array, start: number, end: number): void {
    if (end - start > traceparentBytesMax) return;
    this.traceparent.length = 0;
    this.traceparent.append(u, start, end);
  }

  /** Forgets the row at hand, of which something was written. */
  undoRow(): void {
    this.shredder.undo(this.rows);
    for (const node of this.ours.values()) node.truncate(this.rows);
  }

  private partitionBy(): readonly string[] {
    return partitionNames(this.rules, this.view);
  }

  /** The schema with what was found so far. */
  private schema(): StructType {
    const documents = new Map(this.tree.fields().map((one) => [one.name, one]));
    const fields = this.base.fields.map((one) => {
      const grown = documents.get(one.name);
      documents.delete(one.name);
      return grown ?? one;
    });
    fields.push(...documents.values());
    // A partition column must be there from the first row on, whether or not it has a value.
    for (const name of this.partitionBy()) {
      if (!fields.some((one) => one.name === name)) fields.push(field(name, { kind: "string" }));
    }
    return { kind: "struct", fields };
  }

  /** The result, or null when no record of the job was this table's. */
  encode(ingestionMs: number): EncodedTable | null {
    if (this.rows === 0 && this.positions.droppedRows === 0) return null;
    const schema = this.schema();
    const partitionBy = this.partitionBy();
    const columns = this.columns(schema, ingestionMs);
    return {
      key: this.key,
      baseEpoch: this.view?.epoch ?? 0,
      schema,
      partitionBy,
      parts: encodeParts(schema, { length: this.rows, columns }, {
        partitionBy,
        format: this.view?.format ?? plainFormat,
      }),
      rows: this.rows,
      positions: this.positions.ranges(),
      droppedRows: this.positions.droppedRows,
      confirmedWatermarks: this.positions.confirmed(),
      widened: widenedColumns(this.tree.root),
      rescued: this.rescue.takeTallies(),
      newestSourceMs: this.newestSourceMs,
      traceparent: this.traceparentText(),
    };
  }

  private traceparentText(): string | null {
    const text = asciiOf(this.traceparent.bytes, 0, this.traceparent.length);
    return traceparentForm.test(text) ? text : null;
  }

  private columns(schema: StructType, ingestionMs: number): Column[] {
    const length = this.rows;
    const ingestion = ingestionColumns(ingestionMs, length);
    const documents = new Map(this.tree.root.typedKids.map((node) => [node.columnName, node]));
    return schema.fields.map(({ name }) => {
      if (name === ourColumns.ingestionTimestamp) return ingestion.timestamp;
      if (name === ourColumns.ingestionDate) return ingestion.date;
      const node = this.ours.get(name) ?? documents.get(name);
      if (node !== undefined) return toColumn(node, length);
      return this.partitionBy().includes(name) ? emptyTextColumn(length) : nullColumn(length);
    });
  }
}

/** What a row has besides its document and its position. */
export type RowFacts = {
  operation: Uint8Array;
  /** NaN: not known. Beyond the years that Delta's readers take it is left out as well. */
  timestampMs: number;
  key: ByteBuffer | null;
};

function partitionNames(rules: CollectionRules, view: TableView | null): readonly string[] {
  return view?.partitionBy ?? rules.partitionBy;
}

/** The table's columns; those of ours that an older table lacks come behind them. */
function tableSchema(ours: readonly StructField[], view: TableView | null): StructType {
  if (view === null) return { kind: "struct", fields: ours };
  const names = new Set(view.schema.fields.map(({ name }) => name));
  return {
    kind: "struct",
    fields: [...view.schema.fields, ...ours.filter(({ name }) => !names.has(name))],
  };
}

function documentFields(schema: StructType): StructField[] {
  return schema.fields.filter(({ name }) => !isReservedName(name));
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}

function forgetManyUntyped(node: ColumnNode): void {
  if (node.kids.length > node.typedKids.length + untypedFieldsMax) forgetUntypedFields(node);
  for (const kid of node.typedKids) forgetManyUntyped(kid);
  if (node.item !== null) forgetManyUntyped(node.item);
}

/** Columns that the table has with another type. */
function widenedColumns(root: ColumnNode): WidenedColumn[] {
  const found: WidenedColumn[] = [];
  const visit = (node: ColumnNode, path: string): void => {
    const { existingType } = node;
    const leaf = node.kind !== kindStruct && node.kind !== kindList && node.kind !== kindUnknown;
    if (existingType !== null && leaf) {
      const type = dataTypeOf(node);
      if (existingType.kind !== type.kind) found.push({ path, from: existingType, to: type });
    }
    for (const kid of node.typedKids) {
      visit(kid, path === "" ? kid.columnName : `${path}.${kid.columnName}`);
    }
    if (node.item !== null) visit(node.item, `${path}.element`);
  };
  visit(root, "");
  return found;
}
