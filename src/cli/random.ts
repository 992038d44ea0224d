import type { Random } from "../delta/clock.ts";

/** The machine's randomness. */
export const systemRandom: Random = {
  uuid: () => crypto.randomUUID(),
  next: () => Math.random(),
};
