import type { Engine } from "../delta/engine.ts";
import { systemClock } from "./clock.ts";
import { systemRandom } from "./random.ts";
import type { Settings } from "./settings/settings.ts";
import { storeAccess } from "./store-access.ts";

/** Engines of any tables, which share their connections. */
export type WiredTables = {
  engineAt(uri: string): Engine;
  close(): void;
};

/** Puts together what works on tables alone. Errors: `usage`. */
export function wireTables(values: Settings): WiredTables {
  const stores = storeAccess(values);
  return {
    engineAt: (uri) => ({
      store: stores.open(uri),
      clock: systemClock,
      random: systemRandom,
      openOutside: stores.outsideOf(uri),
    }),
    close: () => stores.close(),
  };
}
