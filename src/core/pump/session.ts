import type { Clock, Random } from "../../delta/engine.ts";
import type { StructType } from "../../delta/schema/data-type.ts";
import type { EncodeResult, TableKey } from "../encode/encode-job.ts";
import type { EncodePool } from "../encode/encode-pool.ts";
import type { Lane, Source } from "../source/source.ts";
import type { FlushReason, FlushSettings } from "./flush-policy.ts";
import type { HeldJob } from "./held-job.ts";
import type { Inflation } from "./inflation.ts";
import type { Lock } from "./lock.ts";
import type { OpenTable, TableHome } from "./open-table.ts";
import type { PumpObserver } from "./pump-events.ts";

/** How a column that must become wider does so: PROTOCOL.md "Type Widening", or new files. */
export type WidenStrategy = "rewrite" | "feature" | "off";

export type PumpSettings = {
  /** Names the pipeline in `txn.appId`; default the consumer group. */
  readonly pipelineId: string;
  /** Take over positions that another pipeline left in a table. */
  readonly adopt: boolean;
  readonly flush: FlushSettings;
  /** Bytes of an encode job, decompressed ones as they are estimated. */
  readonly jobBytesMax: number;
  /** Age after which a table's next version is probed though nothing failed, in milliseconds. */
  readonly stateAgeMsMax: number;
  readonly widen: WidenStrategy;
  /** Tables larger than this are not rewritten to widen a column; misfits are rescued. */
  readonly widenBytesMax: number;
  /** Read, encode and count, but write nothing. */
  readonly plan: boolean;
  /** Rows of other tables are left out; default: none are. */
  readonly only?: TableKey;
};

/** The outside world of the pump, put together by the caller. */
export type PumpWorld = {
  readonly source: Source;
  readonly pool: EncodePool;
  readonly clock: Clock;
  readonly random: Random;
  /** Where the table of a collection (or the dead letters) lives. */
  readonly locate: (key: TableKey) => TableHome;
};

export type PumpSignals = {
  /** Gives up at once: nothing more is committed. */
  readonly signal: AbortSignal;
  /** Ends in good order: what was read is committed. */
  readonly stop: AbortSignal;
};

/** Jobs that become one commit per table. */
export type Flush = {
  readonly id: number;
  readonly openedAtMs: number;
  readonly jobs: HeldJob[];
  /** Lane → where it goes on after what this flush has of it: its floor once that is committed. */
  readonly ends: Map<Lane, bigint>;
  /** Bytes of input, decompressed ones as they are estimated. */
  bytes: number;
  /** Memory that all this takes, in bytes. */
  heldBytes: number;
  records: number;
};

/** One pass over the source from its floor. Ends, or is given up when its positions are stale. */
export type Session = {
  readonly world: PumpWorld;
  readonly settings: PumpSettings;
  readonly observe: PumpObserver;
  readonly signal: AbortSignal;
  readonly inflation: Inflation;
  readonly tables: Map<TableKey, OpenTable>;
  /** Identity of a file → the offset this session began to read it at. */
  readonly laneStarts: Map<string, bigint>;
  /** Schemas change only under this lock, in the order in which records were read. */
  readonly lock: Lock;
  /** Partitions of which records were taken over. */
  readonly readPartitions: Set<string>;
  /** Partition → last offset taken over. */
  readonly lastOffsets: Map<string, bigint>;
  readonly encode: (job: JobInput, schemas: FrozenSchemas | null) => Promise<EncodeResult>;
};

export type JobInput = Pick<HeldJob, "batches" | "ingestionTimestampMs">;

/** The schemas a flush is committed with. */
export type FrozenSchemas = ReadonlyMap<TableKey, StructType>;

export type FlushContext = {
  readonly session: Session;
  readonly flush: Flush;
  readonly reason: FlushReason;
  /** Jobs read after the flush; they are taken over again when a table's schema is reset. */
  readonly laterJobs: () => readonly HeldJob[];
};

/** Another writer moved our positions: the session is given up, the next starts at the floor. */
export type StalePositions = {
  readonly kind: "stale";
  readonly table: TableKey;
  readonly why: string;
};
