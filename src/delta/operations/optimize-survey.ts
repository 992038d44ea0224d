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

/** All files of a version, batch by batch, as often as they are asked for. */
type Files = () => AsyncIterable<readonly AddFile[]>;

/** The files of a version, read from the log each time only where they are too many to be held. */
function filesOf(version: TableVersion, signal: AbortSignal): Files {
  let held: AddFile[] | null = null;
  return async function* () {
    if (held !== null) {
      yield held;
      return;
    }
    let few: AddFile[] | null = [];
    for await (const { adds } of version.files({ signal })) {
      if (few !== null && few.length + adds.length > heldFilesMax) few = null;
      if (few !== null) { for (const add of adds) few.push(withoutStatistics(add)); }
      yield adds;
    }
    held = few;
  };
}

/**
 * Goes through the files of a version, to count the bins and later on once more for each 100,000
 * files of them: a table of a million files must not be held in memory. Errors: the log's.
 */
export async function surveyTable(
  version: TableVersion,
  options: OptimizeRules & { readonly order: RowOrder | null; readonly signal: AbortSignal },
): Promise<OptimizeSurvey> {
  const { signal } = options;
  const all = filesOf(version, signal);
  const newSorter = await sorterMaker(all, options);
  const counting = newSorter();
  let [files, bytes] = [0, 0];
  for await (const adds of all()) {
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
        yield* fillBins(all, newSorter(), window);
      }
    },
  };
}

async function sorterMaker(
  all: Files,
  options: OptimizeRules & { readonly order: RowOrder | null },
): Promise<() => BinSorter> {
  const { order, where } = options;
  if (order === null) return () => binSorter(options);
  const choice = newCubeChoice(order);
  for await (const adds of all()) {
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
  all: Files,
  sorter: BinSorter,
  window: readonly NumberedBin[],
): AsyncGenerator<FilledBin> {
  const found = new Map<number, AddFile[]>(window.map(({ number }) => [number, []]));
  for await (const adds of all()) {
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

/** Statistics are the largest part of an action; of a file that leaves only its rows may matter. */
function withoutStatistics(add: AddFile): AddFile {
  if (add.deletionVector !== undefined) return add;
  const { stats: _, ...rest } = add;
  return rest;
}
