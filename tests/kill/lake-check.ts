import { expect } from "bun:test";
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
  expect(await contentOf(lake.store)).toEqual(content);
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
