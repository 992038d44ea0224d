/** Runs tasks one at a time, in the order they were given. */
export type Lock = { run<T>(task: () => Promise<T>): Promise<T> };

/** A `Lock`; a failed task does not keep the next one from running. */
export function createLock(): Lock {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(task) {
      const turn = last.then(task, task);
      last = turn.catch(() => undefined);
      return turn;
    },
  };
}

/** Runs `task` for every item, at most `parallelMax` at a time; the first error ends it. */
export async function forEachParallel<T>(
  items: readonly T[],
  parallelMax: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const item = items[next++]!;
      await task(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallelMax, items.length) }, worker));
}
