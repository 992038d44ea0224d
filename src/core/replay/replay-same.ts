import type { Random } from "../../delta/engine.ts";
import type { ObjectStore } from "../../delta/storage/object-store.ts";
import type { KafkaClient } from "../kafka/kafka-client.ts";
import { type ReplayNote, writeReplayNotes } from "../position/replay-note.ts";
import { partitionName } from "../position/watermark.ts";
import { commitLowered, type LoweredFloor, lowerFloors, refuseLiveSinks } from "./lower-floors.ts";
import type { ReplayPlan } from "./load-replay.ts";
import type { TableReplay } from "./replay-plan.ts";
import { rewindTable } from "./rewind-table.ts";

export type ReplaySameOptions = {
  readonly client: KafkaClient;
  readonly groupId: string;
  readonly pipelineId: string;
  readonly range: string;
  /** Where sinks look for notes: the base path. */
  readonly store: ObjectStore;
  /** How a note names the table at a location. */
  readonly placeOf: (uri: string) => string;
  readonly random: Random;
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
 * Makes everything ready for reading again: notes tell every sink that comes from where to read, then
 * the group's floors go down, then each table goes back in one commit. Dying in between costs that
 * records are read again, which tables that still have them drop. A sink that comes in between fences
 * off what has not been done yet.
 *
 * Errors: `conflict` when a sink is live or a table was written meanwhile; `kafka`, the store's.
 */
export async function rewindTables(plan: ReplayPlan, options: ReplaySameOptions): Promise<void> {
  const { client, groupId, signal, onStep = () => undefined, again = (ask) => ask() } = options;
  const nobodyIsLive = (): Promise<void> =>
    again(() => refuseLiveSinks(client, groupId, { signal }));
  await nobodyIsLive();
  const replays = plan.tables.map(({ replay }) => replay);
  await writeReplayNotes(options, notesOf(replays, options.placeOf), options);
  const floors = lowerFloors(plan.kafka, replays);
  await again(() => commitLowered(client, groupId, floors, { signal }));
  onStep({ kind: "floors-lowered", floors });
  for (const { table, replay } of plan.tables) {
    await nobodyIsLive();
    const version = await rewindTable(table.engine, replay, options);
    onStep({ kind: "table-rewound", uri: table.uri, version });
  }
}

/** What a sink has to know, by partition. Pure. */
function notesOf(
  replays: readonly TableReplay[],
  placeOf: (uri: string) => string,
): ReplayNote[] {
  const notes = new Map<string, ReplayNote>();
  for (const { uri, newestVersion: follows, partitions } of replays) {
    for (const { topic, partition, identity, from, was } of partitions) {
      const name = partitionName({ topic, partition, identity });
      const known = notes.get(name);
      notes.set(name, {
        topic,
        partition,
        identity,
        from: known === undefined || from < known.from ? from : known.from,
        tables: [...known?.tables ?? [], { place: placeOf(uri), follows, was }],
      });
    }
  }
  return [...notes.values()];
}
