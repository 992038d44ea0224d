import type { CollectionRules, MappingRules } from "../../src/core/encode/encode-job.ts";

/** Default rules with some of them changed. */
export function mappingRules(changes: Partial<CollectionRules> = {}): MappingRules {
  return {
    defaults: {
      partitionBy: ["_ingestion_date"],
      columnTypes: {},
      includeFields: [],
      excludeFields: [],
      rename: {},
      mask: {},
      maskKey: null,
      keepDocument: false,
      keepTransactionId: false,
      decimalAsString: false,
      columnsMax: 2000,
      depthMax: 32,
      ...changes,
    },
    overrides: [],
  };
}
