import { Buffer } from "node:buffer";
import type { Floor, Source, SourceEvent } from "../../src/core/source/source.ts";
import type { Process, Scheduler } from "./scheduler.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { SimInput, SimPartition } from "./sim-topic.ts";

/** Floors as a broker keeps them: they survive every process. */
export type Floors = Map<string, bigint>;

export type SimSourceOptions = {
  readonly input: SimInput;
  readonly floors: Floors;
  readonly scheduler: Scheduler;
  readonly process: Process;
  readonly random: SeededRandom;
  /** Chance that lanes are taken away and given back, at each read. */
  readonly rebalances: () => number;
  /** Chance that a floor commit fails. */
  readonly floorFaults: () => number;
};

/**
 * A consumer of the simulated broker: lanes are interleaved at random, batches have random sizes,
 * lanes get lost and come back at their floor. Lane offsets are bytes of the partition's lines.
 */
export function simSource(options: SimSourceOptions): Source {
  const { input, floors, scheduler, process, random } = options;
  return {
    description: "simulated topics",
    async *events({ signal }) {
      const next = new Map(input.partitions.map((one) => [one.lane, lineAt(one, floors)]));
      while (!signal.aborted) {
        await scheduler.wait(process, 1 + random.int(30), () => undefined);
        if (random.chance(options.rebalances())) {
          yield loseLanes(options, next);
          // They come back, and others may have had them in between.
          yield { kind: "lanes-gained" };
          continue;
        }
        const open = input.partitions.filter((one) => next.get(one.lane)! < one.lines.length);
        if (open.length === 0) return;
        if (random.chance(0.2)) yield { kind: "idle" };
        yield readLane(random, random.pick(open), next);
      }
    },
    async commitFloors(committed: readonly Floor[]) {
      await scheduler.wait(process, 1 + random.int(10), () => undefined);
      if (random.chance(options.floorFaults())) return;
      for (const { lane, nextOffset } of committed) floors.set(lane, nextOffset);
    },
    release: () => undefined,
    lanes: () => [],
    progress: () => ({ bytesRead: 0, bytesTotal: null }),
    close: () => Promise.resolve(),
  };
}

function lineAt(partition: SimPartition, floors: Floors): number {
  let offset = 0n;
  const floor = floors.get(partition.lane) ?? 0n;
  let line = 0;
  while (offset < floor) offset += BigInt(Buffer.byteLength(partition.lines[line++]!) + 1);
  return line;
}

function loseLanes(options: SimSourceOptions, next: Map<string, number>): SourceEvent {
  const { input, floors, random } = options;
  const lost = input.partitions.filter(() => random.chance(0.5));
  for (const partition of lost) next.set(partition.lane, lineAt(partition, floors));
  return { kind: "lanes-lost", lanes: lost.map((partition) => partition.lane) };
}

function readLane(
  random: SeededRandom,
  partition: SimPartition,
  next: Map<string, number>,
): SourceEvent {
  const from = next.get(partition.lane)!;
  const until = Math.min(partition.lines.length, from + 1 + random.int(12));
  next.set(partition.lane, until);
  const sizeOf = (lines: readonly string[]): number =>
    lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  const lines = partition.lines.slice(from, until);
  return {
    kind: "records",
    lane: partition.lane,
    batch: {
      framing: "lines",
      bytes: new Uint8Array(Buffer.from(lines.map((line) => `${line}\n`).join(""))),
      position: {
        topic: partition.lane,
        partition: 0,
        baseOffset: BigInt(sizeOf(partition.lines.slice(0, from))),
        identity: "",
      },
    },
  };
}
