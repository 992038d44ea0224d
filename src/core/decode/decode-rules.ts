import type { DataType } from "../../delta/schema/data-type.ts";

/** What decoding needs of a collection's rules. */
export type DecodeRules = {
  readonly partitionBy: readonly string[];
  readonly columnTypes: Readonly<Record<string, DataType>>;
  readonly includeFields: readonly string[];
  readonly excludeFields: readonly string[];
  readonly keepDocument: boolean;
  readonly keepTransactionId: boolean;
  readonly decimalAsString: boolean;
  readonly columnsMax: number;
  readonly depthMax: number;
};
