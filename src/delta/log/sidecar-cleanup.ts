import type { Engine } from "../engine.ts";
import { sidecarsOf } from "./checkpoint-reader.ts";
import { sidecarFolder } from "./log-path.ts";
import { listLog } from "./log-reader.ts";

const dayMs = 86_400_000;

/** Sidecars deleted in one run at most; what is left over waits for the next one. */
const sidecarsMax = 20_000;

/**
 * Deletes sidecars that no checkpoint names, once they are a day old: younger ones may belong to a
 * checkpoint that is being written (PROTOCOL.md, "Metadata Cleanup"). The number of them. Deletes
 * none when a checkpoint cannot be read. Errors: the store's, `log-corrupt`.
 */
export async function cleanUpSidecars(
  engine: Engine,
  { signal }: { readonly signal: AbortSignal },
): Promise<number> {
  const oldMs = engine.clock.nowMs() - dayMs;
  const old = new Set<string>();
  for await (const { key, modifiedMs } of engine.store.list(sidecarFolder, { signal })) {
    if (modifiedMs < oldMs && old.size < sidecarsMax) old.add(key);
  }
  if (old.size === 0) return 0;
  // Listed after them, so that it has every checkpoint that may name one.
  const { checkpoints } = await listLog(engine, { from: 0, signal });
  for (const checkpoint of checkpoints) {
    for (const { key } of await sidecarsOf(engine, checkpoint, { signal })) old.delete(key);
  }
  if (old.size > 0) await engine.store.delete([...old], { signal });
  return old.size;
}
