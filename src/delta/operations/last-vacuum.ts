import { Buffer } from "node:buffer";
import type { Engine } from "../engine.ts";
import { logFolder } from "../log/log-path.ts";
import { getIfThere } from "../log/log-reader.ts";

/** Where Spark's `VACUUM LITE` keeps it, too. */
const key = `${logFolder}_last_vacuum_info`;
const field = "latestCommitVersionOutsideOfRetentionWindow";

type Io = { readonly signal: AbortSignal };

/**
 * The newest version up to which vacuums have deleted all that commits took out of the table; null:
 * nobody knows. Spark's full vacuum writes none. Errors: the store's.
 */
export async function readLastVacuum(engine: Engine, { signal }: Io): Promise<number | null> {
  const bytes = await getIfThere(engine, key, { signal });
  if (bytes === null) return null;
  try {
    const info: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof info !== "object" || info === null) return null;
    const version = (info as Readonly<Record<string, unknown>>)[field];
    return typeof version === "number" && Number.isSafeInteger(version) ? version : null;
  } catch {
    return null;
  }
}

/** Tells the next vacuum where to begin; one that is further already stays. Errors: the store's. */
export async function writeLastVacuum(
  engine: Engine,
  version: number,
  { newest, signal }: Io & { readonly newest: number },
): Promise<void> {
  const known = await readLastVacuum(engine, { signal });
  if (known !== null && known >= version && known <= newest) return;
  const text = `${JSON.stringify({ [field]: version })}\n`;
  await engine.store.put(key, [Buffer.from(text)], { signal });
}
