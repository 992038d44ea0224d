import type { Engine } from "../engine.ts";
import type { AddFile } from "../log/actions.ts";
import { readAhead } from "./read-ahead.ts";
import { rewriteLayout, type RewrittenTable, scanForRewrite } from "./rewrite-layout.ts";
import { sizedFiles } from "./sized-files.ts";

export type MergeOptions = {
  /** A written file ends at about this size. */
  readonly targetBytes: number;
  readonly signal: AbortSignal;
  /** Hears of each file whose rows were read. */
  readonly onFile?: (add: AddFile) => void;
};

/**
 * Writes the rows of data files of one partition, in their order, into as few files as the target
 * allows. No more than a row group's rows is in memory. Nobody sees the files before they are
 * committed. Errors: as `scanFile`, and the store's.
 */
export async function mergeFiles(
  engine: Engine,
  table: RewrittenTable,
  files: readonly AddFile[],
  { targetBytes, signal, onFile }: MergeOptions,
): Promise<AddFile[]> {
  const layout = rewriteLayout(table);
  const partitionValues = files[0]?.partitionValues ?? {};
  const writer = sizedFiles(engine, { layout, partitionValues, targetBytes, signal });
  const ahead = readAhead(engine, files, signal);
  try {
    for (const [index, add] of files.entries()) {
      ahead.reach(index);
      for await (const batch of scanForRewrite(ahead.engine, table, add, { layout, signal })) {
        await writer.append(batch);
      }
      ahead.handedOut().forEach(writer.release);
      onFile?.(add);
    }
    return await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
