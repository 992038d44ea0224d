import type { StructField, StructType } from "../../delta/schema/data-type.ts";
import { visitFields } from "../../delta/schema/visit-types.ts";
import { CdcDeltaError } from "../../errors.ts";
import { ourColumns } from "../decode/our-columns.ts";
import { deadLetterTable, type TableKey } from "../encode/encode-job.ts";

/** Every row has these, so that a table may ask for them. */
const alwaysThere: ReadonlySet<string> = new Set([
  ourColumns.operation,
  ourColumns.topic,
  ourColumns.partition,
  ourColumns.offset,
  ourColumns.ingestionTimestamp,
  ourColumns.ingestionDate,
]);

/** Spark's note of the declared type of a text column. */
const declaredTypeKey = "__CHAR_VARCHAR_TYPE_STRING";

/**
 * Throws `unsupported`, naming the columns, for a table somebody else made with columns that a
 * document cannot be relied on to fill: without nulls, or with a length that texts must keep.
 */
export function refuseColumns(key: TableKey, uri: string, schema: StructType): void {
  const top = new Map(schema.fields.map((field) => [field.name, field]));
  const problems: string[] = [];
  visitFields(schema, (field) => {
    const always = top.get(field.name) === field && alwaysThere.has(field.name) &&
      (key !== deadLetterTable || field.name !== ourColumns.operation);
    if (!field.nullable && !always) problems.push(`"${field.name}" takes no nulls (NOT NULL)`);
    const declared = declaredTypeOf(field);
    if (declared !== null) {
      problems.push(`"${field.name}" is a ${declared}, which limits its length`);
    }
  });
  if (problems.length === 0) return;
  throw new CdcDeltaError(
    "unsupported",
    `Cannot write ${key} into ${uri}: column ${problems.join("; column ")}. Documents may lack ` +
      `such a value or have another one; change the column, or choose another --table-path`,
    { context: { table: uri } },
  );
}

function declaredTypeOf({ metadata }: StructField): string | null {
  const declared = metadata[declaredTypeKey];
  return typeof declared === "string" ? declared : null;
}
