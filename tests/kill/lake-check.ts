import type { ObjectStore } from "../../src/delta/storage/object-store.ts";
import { contentOf, type LakeContent, lintLake } from "./lake.ts";

/** A lake and the runs into it. */
export type Lake<Kill> = {
  readonly store: ObjectStore;
  /** One run; null: nobody disturbs it. Returns whether it was killed. */
  run(kill: Kill | null): Promise<boolean>;
  /** Looks at what lies about beside the tables; throws when that is wrong. */
  check?(): void;
  drop(): void;
};

/** Runs again and again, killed where told, and at last undisturbed; the tables must be right. */
export async function survives<Kill>(
  lake: Lake<Kill>,
  kills: readonly Kill[],
  content: LakeContent,
): Promise<{ readonly unreached: number }> {
  let unreached = 0;
  for (const kill of kills) {
    if (!await lake.run(kill)) unreached++;
    await lintStrictly(lake, "half-written");
  }
  await lake.run(null);
  await lintStrictly(lake, "at the end");
  const differences = differencesOf(await contentOf(lake.store), content);
  if (differences.length > 0) throw new Error(differences.join("; "));
  lake.drop();
  return { unreached };
}

/** What a run makes that nobody disturbs. */
export async function undisturbedContent<Kill>(lake: Lake<Kill>): Promise<LakeContent> {
  await lake.run(null);
  await lintStrictly(lake, "undisturbed");
  const content = await contentOf(lake.store);
  lake.drop();
  return content;
}

async function lintStrictly<Kill>(lake: Lake<Kill>, when: string): Promise<void> {
  lake.check?.();
  const findings = await lintLake(lake.store);
  if (findings.length > 0) throw new Error(`${when}: ${findings.join("; ")}`);
}

/** What is wrong with a lake, in words short enough for a hundred cases. */
function differencesOf(found: LakeContent, wanted: LakeContent): string[] {
  const tables = new Set([...Object.keys(found), ...Object.keys(wanted)]);
  return [...tables].flatMap((table) => {
    const [mine, right] = [found[table], wanted[table]];
    if (mine === undefined || right === undefined) {
      return [`${table} is ${mine === undefined ? "missing" : "one too many"}`];
    }
    const lost = without(right.rows, mine.rows);
    const added = without(mine.rows, right.rows);
    return [
      ...(lost.length === 0 ? [] : [`${table} lacks ${lost.length} rows, one is ${lost[0]}`]),
      ...(added.length === 0 ? [] : [`${table} has ${added.length} too many, one is ${added[0]}`]),
      ...(mine.schema === right.schema ? [] : [`${table} has the schema ${mine.schema}`]),
      ...(mine.positions.join() === right.positions.join()
        ? []
        : [`${table} has the positions ${mine.positions.join()}`]),
    ];
  });
}

/** Texts of `all` that `some` lacks; one that is there twice counts twice. */
function without(all: readonly string[], some: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const text of some) left.set(text, (left.get(text) ?? 0) + 1);
  return all.filter((text) => {
    const count = left.get(text) ?? 0;
    left.set(text, count - 1);
    return count <= 0;
  });
}
