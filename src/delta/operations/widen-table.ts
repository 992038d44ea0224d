import { assert } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import { commit } from "../log/committer.ts";
import { loadSnapshot, type Snapshot } from "../log/snapshot.ts";
import type { TableState } from "../log/table-state.ts";
import type { StructType } from "../schema/data-type.ts";
import { findTypeChanges, mergeSchema } from "../schema/merge-schema.ts";
import { typeName } from "../schema/type-name.ts";
import { growSchema } from "./grow-schema.ts";
import { featureDraft } from "./widen-by-feature.ts";
import { discardRewritten, rewriteDraft } from "./widen-by-rewrite.ts";
import type { Rewritten, WidenOptions, WidenOutcome, WidenPlan } from "./widen-plan.ts";

/** Lost races after which a widening is given up. */
const attemptsMax = 5;

/**
 * Gives committed columns wider types in a commit of its own, which changes no row. `schema` is the
 * table's with the new types (it may have new columns too). A lost race repeats only what the
 * winners make necessary; after some of them, or where the table forbids it, the widening is refused
 * and nothing has changed. Errors: those of reading, writing and committing.
 */
export async function widenTable(
  engine: Engine,
  state: TableState,
  schema: StructType,
  options: WidenOptions,
): Promise<WidenOutcome> {
  const rewritten: Rewritten = new Map();
  const uuids: string[] = [];
  let base = state;
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const plan = await planWidening(engine, base, schema, { ...options, rewritten, uuids });
    if (plan.kind !== "ready") {
      await discardRewritten(engine, rewritten, new Set());
      return plan;
    }
    const outcome = await commit(engine, plan.base, plan.draft, { signal: options.signal });
    if (outcome.kind === "committed") {
      const used = new Set((plan.draft.adds ?? []).map((add) => add.path));
      await discardRewritten(engine, rewritten, used);
      return { kind: "widened", state: outcome.state };
    }
    assert(outcome.kind === "conflicted", "a widening has no transactions of its own");
    // The commit may have landed before the log was cleaned up: then the files are the table's.
    if (outcome.reason === "log-truncated") rewritten.clear();
    base = outcome.state;
  }
  await discardRewritten(engine, rewritten, new Set());
  const why = `other writers were faster ${attemptsMax} times in a row`;
  return { kind: "refused", why, state: base };
}

async function planWidening(
  engine: Engine,
  state: TableState,
  wanted: StructType,
  options: WidenOptions & { readonly rewritten: Rewritten; readonly uuids: string[] },
): Promise<WidenPlan> {
  const { strategy, signal } = options;
  if (strategy === "off") return { kind: "refused", why: "widening is switched off", state };
  const snapshot = strategy === "rewrite" ? await loadSnapshot(engine, { signal }) : null;
  const base = snapshot === null ? state : withoutFiles(snapshot);
  const { schema: merged, changes: differences } = mergeSchema(base.schema, wanted);
  const clash = differences.find((change) => change.kind === "incompatible");
  if (clash !== undefined) {
    const why = `column ${clash.path} is ${typeName(clash.from)} in the table by now`;
    return { kind: "refused", why, state: base };
  }
  let next = 0;
  // The same names at each attempt: what was rewritten fits as long as no winner adds columns.
  const uuid = (): string => options.uuids[next++] ??= engine.random.uuid();
  const schema = growSchema(base, merged, uuid);
  // A void column has no values, so that it takes any type as it is.
  const changes = findTypeChanges(base.schema, schema).filter(({ from }) => from.kind !== "void");
  // A winner may have widened the same columns.
  if (changes.length === 0) return { kind: "widened", state: base };
  if (snapshot === null) return featureDraft(base, { schema, changes });
  return await rewriteDraft(engine, { base, files: snapshot.files }, {
    ...options,
    schema,
    changes,
  });
}

/** The state is kept for long; the list of files may be large. */
function withoutFiles(snapshot: Snapshot): TableState {
  const { files: _files, tombstones: _tombstones, timestampMs: _timestampMs, ...state } = snapshot;
  return state;
}
