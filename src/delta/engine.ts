import type { Clock, Random } from "./clock.ts";
import type { ObjectStore } from "./storage/object-store.ts";

export type { Clock, Random } from "./clock.ts";

/**
 * All that the Delta kernel knows of the world. `store` is rooted at the table: `_delta_log/…` and
 * the data files are its keys.
 */
export type Engine = {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
};
