import type { KafkaClient } from "../kafka/kafka-client.ts";
import { commitLowered, type LoweredFloor, lowerFloors, refuseLiveSinks } from "./lower-floors.ts";
import type { ReplayPlan } from "./load-replay.ts";
import { rewindTable } from "./rewind-table.ts";

export type ReplaySameOptions = {
  readonly client: KafkaClient;
  readonly groupId: string;
  readonly pipelineId: string;
  readonly range: string;
  readonly onStep?: (step: ReplayStep) => void;
  /** Asks Kafka again what failed for a time; default: once. */
  readonly again?: <T>(ask: () => Promise<T>) => Promise<T>;
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
  const { client, groupId, signal, onStep = () => undefined, again = (ask) => ask() } = options;
  const nobodyIsLive = (): Promise<void> =>
    again(() => refuseLiveSinks(client, groupId, { signal }));
  await nobodyIsLive();
  const floors = lowerFloors(plan.kafka, plan.tables.map(({ replay }) => replay));
  await again(() => commitLowered(client, groupId, floors, { signal }));
  onStep({ kind: "floors-lowered", floors });
  for (const { table, replay } of plan.tables) {
    await nobodyIsLive();
    const version = await rewindTable(table.engine, replay, options);
    onStep({ kind: "table-rewound", uri: table.uri, version });
  }
}
