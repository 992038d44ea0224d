import { messageOf } from "../../src/errors.ts";
import { findFaults } from "./oracle.ts";
import { rivalWrites } from "./rival.ts";
import { type Life, makeWorld, startLife, type World } from "./sim-world.ts";

export type SeedReport = {
  readonly faults: readonly string[];
  readonly lives: number;
  readonly steps: number;
  readonly log: readonly string[];
};

const livesMax = 12;

/**
 * Plays one seed: lives of the pump one after another (or beside a frozen one that wakes up later),
 * each killed, frozen or failing as the weather says, then a last one in calm weather that has to
 * finish; then compares the tables with the events.
 */
export async function runSeed(
  seed: number,
  onWorld: (world: World) => void = () => undefined,
): Promise<SeedReport> {
  const world = makeWorld(seed);
  onWorld(world);
  const lives: Life[] = [];
  const faults: string[] = [];
  try {
    for (let count = 1; count < livesMax; count++) {
      const life = startLife(world, `life-${count}`);
      lives.push(life);
      if (await liveUntilEnd(world, life)) break;
    }
    world.calm = true;
    const last = startLife(world, "last");
    lives.push(last);
    await world.scheduler.run(() => lives.every((life) => isOver(life)), () => undefined);
    if (last.outcome !== null && "error" in last.outcome) {
      faults.push(`the last run failed: ${messageOf(last.outcome.error)}`);
    }
    faults.push(...await findFaults(world), ...findNeedlessConflicts(world, lives));
  } catch (error) {
    faults.push(error instanceof Error ? error.stack ?? error.message : String(error));
  }
  return { faults, lives: lives.length, steps: world.scheduler.steps(), log: world.log };
}

/** A writer that nobody disturbs recognises its own commits, whatever the store answers. */
function findNeedlessConflicts(world: World, lives: readonly Life[]): string[] {
  const { rival, freeze, crash } = world.weather;
  if (rival > 0 || freeze > 0 || crash > 0) return [];
  const events = lives.flatMap((life) => life.events);
  return events.flatMap((event) =>
    event.kind === "conflict" ? [`a lone writer met a conflict: ${event.reason}`] : []
  );
}

const isOver = (life: Life): boolean => !life.process.alive || life.outcome !== null;

/** Runs until the life ended well (true) or was killed, froze or failed (false). */
async function liveUntilEnd(world: World, life: Life): Promise<boolean> {
  const { random, weather, scheduler } = world;
  let frozen = false;
  const pending: Promise<void>[] = [];
  await scheduler.run(() => isOver(life) || frozen, () => {
    if (random.chance(weather.rival)) pending.push(rivalWrites(world));
    if (random.chance(weather.crash)) {
      world.log.push(`${scheduler.nowMs()} ${life.process.name} killed`);
      life.process.alive = false;
    } else if (random.chance(weather.freeze)) {
      // A zombie: it wakes up while a later life is at work.
      world.log.push(`${scheduler.nowMs()} ${life.process.name} freezes`);
      life.process.frozenUntilMs = scheduler.nowMs() + 1_000 + random.int(30_000);
      frozen = true;
    }
  });
  await Promise.all(pending);
  return life.outcome !== null && "summary" in life.outcome;
}
