import type { TableKey } from "../encode/encode-job.ts";
import type { KafkaClient } from "../kafka/kafka-client.ts";
import { commitLowered, type LoweredFloor, lowerFloors, refuseLiveSinks } from "./lower-floors.ts";
import type { PlannedTable, ReplayPlan } from "./load-replay.ts";
import { rewindTable } from "./rewind-table.ts";

export type ReplaySameOptions = {
  readonly client: KafkaClient;
  readonly groupId: string;
  readonly pipelineId: string;
  /** The name that marks of floors give a table. */
  readonly keyOf: (table: PlannedTable["table"]) => TableKey;
  readonly range: string;
  readonly onStep?: (step: ReplayStep) => void;
  readonly signal: AbortSignal;
};

/** What was done; each is safe to be the last one. */
export type ReplayStep =
  | { readonly kind: "floors-lowered"; readonly floors: readonly LoweredFloor[] }
  | {
    readonly kind: "table-rewound";
    readonly uri: string;
    readonly version: number;
  };

/**
 * Makes everything ready for reading again: the group's floors go down first, then each table goes
 * back in one commit. Dying in between costs that records are read again, which tables that still
 * have them drop.
 *
 * Errors: `conflict` when a sink is live or a table was written meanwhile; `kafka`, the store's.
 */
export async function rewindTables(plan: ReplayPlan, options: ReplaySameOptions): Promise<void> {
  const { client, groupId, keyOf, signal, onStep = () => undefined } = options;
  await refuseLiveSinks(client, groupId, { signal });
  const needs = plan.tables.map(({ table, replay }) => ({ key: keyOf(table), replay }));
  const floors = lowerFloors(plan.kafka, needs);
  await commitLowered(client, groupId, floors, { signal });
  onStep({ kind: "floors-lowered", floors });
  for (const { table, replay } of plan.tables) {
    await refuseLiveSinks(client, groupId, { signal });
    const version = await rewindTable(table.engine, replay, options);
    onStep({ kind: "table-rewound", uri: table.uri, version });
  }
}
