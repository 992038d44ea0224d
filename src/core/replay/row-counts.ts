import { valueAt } from "../../delta/columns/column-value.ts";
import type { Engine } from "../../delta/engine.ts";
import type { AddFile } from "../../delta/log/actions.ts";
import { scanFile, scannedSchema, type ScannedTable } from "../../delta/operations/scan.ts";
import { ourColumns } from "../decode/our-columns.ts";

/** Rows of one (topic, partition) in some files. */
export type RowCount = {
  readonly topic: string;
  readonly partition: number;
  readonly rows: number;
  readonly first: bigint;
  readonly last: bigint;
};

const { topic, partition, offset } = ourColumns;
const columns = [topic, partition, offset] as const;

/**
 * Counts the rows of files by where they came from, those that `counts` is true for; reads three
 * columns, a row group at a time. Errors: as `scanFile`.
 */
export async function countRows(
  engine: Engine,
  table: ScannedTable,
  files: AsyncIterable<AddFile> | Iterable<AddFile>,
  { counts, signal }: {
    readonly counts: (topic: string, partition: number, offset: bigint) => boolean;
    readonly signal: AbortSignal;
  },
): Promise<RowCount[]> {
  const { fields } = scannedSchema(table.schema, columns);
  const places = columns.map((name) => fields.findIndex((field) => field.name === name));
  const found = new Map<string, { -readonly [K in keyof RowCount]: RowCount[K] }>();
  for await (const add of files) {
    for await (const batch of scanFile(engine, table, add, { columns, signal })) {
      const values = (row: number) =>
        places.map((at) => valueAt(batch.columns[at]!, fields[at]!.type, row));
      for (let row = 0; row < batch.length; row++) {
        const [name, number, at] = values(row);
        // A row without a position is not ours; whoever restores the version decides about it.
        if (typeof name !== "string" || typeof number !== "number") continue;
        if (typeof at !== "bigint" || !counts(name, number, at)) continue;
        const key = `${number} ${name}`;
        const known = found.get(key);
        if (known === undefined) {
          found.set(key, { topic: name, partition: number, rows: 1, first: at, last: at });
          continue;
        }
        known.rows += 1;
        if (at < known.first) known.first = at;
        if (at > known.last) known.last = at;
      }
    }
  }
  return [...found.values()];
}
