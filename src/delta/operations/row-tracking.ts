import { CdcDeltaError } from "../../errors.ts";
import type { Column, ColumnBatch } from "../columns/column.ts";
import type { AddFile } from "../log/actions.ts";
import { repairAdvice } from "../log/repair-advice.ts";
import { protocolFeatures } from "../log/table-features.ts";
import { physicalNameKey } from "../schema/column-mapping.ts";
import type { StructField } from "../schema/data-type.ts";
import type { FormattedTable } from "./file-format.ts";

/** The columns that keep a row's id and the version of its last change in rewritten files. */
export type RowTrackingColumns = { readonly fields: readonly [StructField, StructField] };

const nameKeys = [
  "delta.rowTracking.materializedRowIdColumnName",
  "delta.rowTracking.materializedRowCommitVersionColumnName",
] as const;

/**
 * The hidden columns of a table that tracks its rows (PROTOCOL.md, "Row Tracking"); null where ids
 * need not be kept. Pure. Throws `log-corrupt` where the table does not name them.
 */
export function rowTrackingColumns(
  { protocol, metadata }: Pick<FormattedTable, "protocol" | "metadata">,
): RowTrackingColumns | null {
  const { configuration } = metadata;
  const isEnabled = configuration["delta.enableRowTracking"]?.trim().toLowerCase() === "true" &&
    protocolFeatures(protocol).includes("rowTracking");
  if (!isEnabled) return null;
  const [id, version] = nameKeys.map((key): StructField => {
    const name = configuration[key];
    if (name === undefined || name === "") {
      throw new CdcDeltaError(
        "log-corrupt",
        `The table has delta.enableRowTracking, but no ${key}. ${repairAdvice}`,
      );
    }
    // The name is that of the files, whatever the table maps its own columns to.
    const metadata = { [physicalNameKey]: name };
    return { name, type: { kind: "long" }, nullable: true, metadata };
  });
  return { fields: [id!, version!] };
}

/**
 * Fills the two last columns of a file's rows, where a row does not bring its own: the id from its
 * position in the file, the version from the file's. Throws `log-corrupt` for a file that has none.
 */
export function withRowIds(
  { path, baseRowId, defaultRowCommitVersion }: AddFile,
  uri: string,
): (batch: ColumnBatch, firstPosition: number) => ColumnBatch {
  if (baseRowId === undefined || defaultRowCommitVersion === undefined) {
    throw new CdcDeltaError(
      "log-corrupt",
      `Cannot keep the row ids of data file ${path} of ${uri}: the log gives it none. ${repairAdvice}`,
      { context: { path, table: uri } },
    );
  }
  return ({ length, columns }, firstPosition) => {
    const first = baseRowId + BigInt(firstPosition);
    const id = filled(columns.at(-2)!, length, (row) => first + BigInt(row));
    const version = filled(columns.at(-1)!, length, () => defaultRowCommitVersion);
    return { length, columns: [...columns.slice(0, -2), id, version] };
  };
}

function filled(column: Column, length: number, valueOf: (row: number) => bigint): Column {
  const values = new BigInt64Array(length);
  const known = column.kind === "int64" ? column : null;
  for (let row = 0; row < length; row++) {
    values[row] = known !== null && known.valid[row] === 1 ? known.values[row]! : valueOf(row);
  }
  return { kind: "int64", length, valid: new Uint8Array(length).fill(1), values };
}
