import type { AddFile } from "../log/actions.ts";
import type { TableVersion } from "../log/snapshot.ts";
import {
  type BinSorter,
  binSorter,
  cubeSorter,
  newCubeChoice,
  type OptimizeBin,
  type OptimizeRules,
  partitionKey,
} from "./optimize-plan.ts";
import type { RowOrder } from "./order-columns.ts";

/** What is worth doing to a version of a table. Its files are counted, not held. */
export type OptimizeSurvey = {
  /** All of the version's files. */
  readonly files: number;
  readonly bytes: number;
  readonly bins: readonly OptimizeBin[];
  /** The bins with their files, a bounded number of these at once. Errors: the log's. */
  readonly filledBins: () => AsyncIterable<FilledBin>;
};

export type FilledBin = { readonly bin: OptimizeBin; readonly files: readonly AddFile[] };

/** Files that are held at once, without their statistics: about 300 bytes each. */
const heldFilesMax = 100_000;

/**
 * Goes through the files of a version, to count the bins and later on once more for each 100,000
 * files of them: a table of a million files must not be held in memory. Errors: the log's.
 */
export async function surveyTable(
  version: TableVersion,
  options: OptimizeRules & { readonly order: RowOrder | null; readonly signal: AbortSignal },
): Promise<OptimizeSurvey> {
  const { signal } = options;
  const newSorter = await sorterMaker(version, options);
  const counting = newSorter();
  let [files, bytes] = [0, 0];
  for await (const { adds } of version.files({ signal })) {
    for (const add of adds) {
      files += 1;
      bytes += add.size;
      counting.binOf(add);
    }
  }
  // The newest files came first; the oldest are worked on first.
  const numbered = counting.bins()
    .flatMap((bin, number) => bin === null ? [] : [{ bin, number }])
    .reverse();
  return {
    files,
    bytes,
    bins: numbered.map(({ bin }) => bin),
    async *filledBins() {
      for (const window of windowsOf(numbered)) {
        yield* fillBins(version, newSorter(), window, signal);
      }
    },
  };
}

async function sorterMaker(
  version: TableVersion,
  options: OptimizeRules & { readonly order: RowOrder | null; readonly signal: AbortSignal },
): Promise<() => BinSorter> {
  const { order, signal, where } = options;
  if (order === null) return () => binSorter(options);
  const choice = newCubeChoice(order);
  for await (const { adds } of version.files({ signal })) {
    for (const add of adds) if (where(add.partitionValues)) choice.survey(partitionKey(add), add);
  }
  return () => cubeSorter(options, choice);
}

type NumberedBin = { readonly bin: OptimizeBin; readonly number: number };

function* windowsOf(bins: readonly NumberedBin[]): Generator<NumberedBin[]> {
  let window: NumberedBin[] = [];
  let files = 0;
  for (const each of bins) {
    if (window.length > 0 && files + each.bin.files > heldFilesMax) {
      yield window;
      [window, files] = [[], 0];
    }
    window.push(each);
    files += each.bin.files;
  }
  if (window.length > 0) yield window;
}

async function* fillBins(
  version: TableVersion,
  sorter: BinSorter,
  window: readonly NumberedBin[],
  signal: AbortSignal,
): AsyncGenerator<FilledBin> {
  const found = new Map<number, AddFile[]>(window.map(({ number }) => [number, []]));
  for await (const { adds } of version.files({ signal })) {
    for (const add of adds) {
      const number = sorter.binOf(add);
      if (number !== null) found.get(number)?.push(withoutStatistics(add));
    }
  }
  for (const { bin, number } of window) {
    // The newest came first: rows stay in the order in which they were written.
    const files = (found.get(number) ?? []).reverse();
    found.delete(number);
    yield { bin, files };
  }
}

/** The largest part of an action, and of no use for a file that leaves. */
function withoutStatistics({ stats: _, ...add }: AddFile): AddFile {
  return add;
}
