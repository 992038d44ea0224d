import type { Engine } from "../engine.ts";
import { readCommits } from "../log/log-reader.ts";
import type { LogCommit } from "../log/log-segment.ts";

/** Commits read at the same time have no more bytes together, unless one alone has. */
const waveBytesMax = 4 << 20;

/**
 * Reads commits with their file actions in order, several at a time while they are small: a commit
 * that added a hundred thousand files is read alone. Errors: as `readCommits`.
 */
export async function* readInWaves(
  engine: Engine,
  commits: readonly LogCommit[],
  { signal }: { readonly signal: AbortSignal },
): ReturnType<typeof readCommits> {
  let wave: number[] = [];
  let bytes = 0;
  const read = (): ReturnType<typeof readCommits> => {
    const versions = wave;
    [wave, bytes] = [[], 0];
    return readCommits(engine, versions, { signal, files: true });
  };
  for (const { version, meta } of commits) {
    if (bytes + meta.size > waveBytesMax) yield* read();
    wave.push(version);
    bytes += meta.size;
  }
  yield* read();
}
