import type { Engine } from "../engine.ts";
import type { AddFile } from "../log/actions.ts";
import { fileKey, objectKeyOf } from "../log/file-key.ts";
import type { TableState } from "../log/table-state.ts";
import { schemaToJson } from "../schema/schema-json.ts";
import { removalOf, rewriteFile } from "./rewrite-file.ts";
import { metadataWithSchema } from "./grow-schema.ts";
import {
  changeParameters,
  type Rewritten,
  type WidenPlan,
  type WidenRequest,
} from "./widen-plan.ts";

/**
 * Rewrites the table's files to the wider schema and drafts the commit that exchanges them. Files
 * that an earlier attempt rewrote to the same schema are used again, so that after a lost race only
 * the winners' files are work. Refused when the files have more bytes than `bytesMax`.
 */
export async function rewriteDraft(
  engine: Engine,
  { base, files }: { readonly base: TableState; readonly files: readonly AddFile[] },
  request: WidenRequest,
): Promise<WidenPlan> {
  const { signal, schema, rewritten, bytesMax, changes } = request;
  const partition = changes.find(({ path }) => base.partitionColumns.includes(path));
  if (partition !== undefined) {
    const why = `${partition.path} is a partition column, whose values are not in files`;
    return { kind: "refused", why, state: base };
  }
  const bytes = files.reduce((sum, add) => sum + add.size, 0);
  if (bytes > bytesMax) {
    const why = `its files have ${bytes} bytes, more than the ${bytesMax} that are rewritten`;
    return { kind: "refused", why, state: base };
  }
  const table = { ...base, schema };
  const schemaJson = schemaToJson(schema);
  const adds: AddFile[] = [];
  for (const add of files) {
    // A winner may have deleted rows of a file: then it is another one under the same path.
    const key = fileKey(add, engine.store.uri);
    const known = rewritten.get(key);
    if (known !== undefined && known.schemaJson === schemaJson) {
      adds.push(...known.adds);
      continue;
    }
    if (known !== undefined) await deleteFiles(engine, known.adds);
    const fresh = await rewriteFile(engine, table, add, { signal });
    rewritten.set(key, { schemaJson, adds: fresh });
    adds.push(...fresh);
  }
  const nowMs = engine.clock.nowMs();
  const removes = files.map((add) => removalOf(add, nowMs));
  return {
    kind: "ready",
    base,
    draft: {
      operation: "CHANGE COLUMN",
      operationParameters: changeParameters(changes),
      operationMetrics: {
        numAddedFiles: String(adds.length),
        numRemovedFiles: String(removes.length),
        numAddedBytes: String(adds.reduce((sum, add) => sum + add.size, 0)),
        numRemovedBytes: String(bytes),
      },
      // Every file has to have the new types, so one that a winner adds is a conflict.
      reads: { kind: "whole-table" },
      dataChange: false,
      adds,
      removes,
      metadata: metadataWithSchema(base, schema),
    },
  };
}

/** Deletes rewritten files that no commit uses. */
export async function discardRewritten(
  engine: Engine,
  rewritten: Rewritten,
  used: ReadonlySet<string>,
): Promise<void> {
  const unused = [...rewritten.values()].flatMap(({ adds }) => adds)
    .filter((add) => !used.has(add.path));
  await deleteFiles(engine, unused);
}

/** Leftovers are harmless (VACUUM takes them), so a failure to delete them is none of ours. */
async function deleteFiles(engine: Engine, adds: readonly AddFile[]): Promise<void> {
  if (adds.length === 0) return;
  const keys = adds.map((add) => objectKeyOf(add.path, engine.store.uri))
    .filter((key) => key !== null);
  try {
    await engine.store.delete(keys, { signal: new AbortController().signal });
  } catch {
    return;
  }
}
