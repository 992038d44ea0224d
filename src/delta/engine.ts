import type { Clock, Random } from "./clock.ts";
import type { ObjectStore, StoredFile } from "./storage/object-store.ts";

export type { Clock, Random } from "./clock.ts";

/**
 * All that the Delta kernel knows of the world. `store` is rooted at the table: `_delta_log/…` and
 * the data files are its keys.
 */
export type Engine = {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  /**
   * Finds a file that lies outside of the table's folder, by its decoded absolute path or URI, as
   * the files of a shallow clone do; null where it cannot be reached. Absent: none can be.
   */
  readonly openOutside?: (uri: string) => StoredFile | null;
};
