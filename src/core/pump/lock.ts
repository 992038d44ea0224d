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
