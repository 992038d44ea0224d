import type { Engine } from "../../delta/engine.ts";
import { openVersion } from "../../delta/log/snapshot.ts";
import { diffVersions } from "../../delta/operations/version-diff.ts";
import type { TableReplay } from "./replay-plan.ts";
import { countRows } from "./row-counts.ts";

/**
 * How many rows of the range a table has again, by the files that came since it was rewound: for
 * comparison with those that left. Errors: as `openVersion` and `countRows`.
 */
export async function countReread(
  engine: Engine,
  { partitions }: TableReplay,
  rewoundAs: number,
  { signal }: { readonly signal: AbortSignal },
): Promise<number> {
  const newest = await openVersion(engine, { signal });
  const rewound = await openVersion(engine, {
    at: { kind: "version", version: rewoundAs },
    signal,
  });
  const { leavingFiles } = await diffVersions(engine, { from: newest, to: rewound }, { signal });
  const ranges = new Map(partitions.map((one) => [`${one.partition} ${one.topic}`, one]));
  const counts = await countRows(engine, newest.state, leavingFiles(), {
    signal,
    counts(topic, partition, offset) {
      const range = ranges.get(`${partition} ${topic}`);
      if (range === undefined) return false;
      return offset <= range.was && offset > (range.becomes ?? -1n);
    },
  });
  return counts.reduce((sum, { rows }) => sum + rows, 0);
}
