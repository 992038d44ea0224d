import { CdcDeltaError, messageOf } from "../../src/errors.ts";
import type { SeedReport } from "./run-seed.ts";
import type { Process } from "./scheduler.ts";
import { type Actor, actors } from "./table-actors.ts";
import { findTableFaults } from "./table-oracle.ts";
import { makeTableWorld, processEngine, type TableWorld } from "./table-world.ts";

/** Steps during which things happen; then the sinks finish undisturbed. */
const eventfulSteps = 800;

type Life = { readonly actor: Actor; readonly process: Process; done: boolean; stopping: boolean };

/**
 * Plays one seed: one process of each kind works on one table, each killed, frozen or failing as the
 * weather says and started again; then all come to rest and the table is held against the model.
 */
export async function runTableSeed(seed: number): Promise<SeedReport> {
  const world = await makeTableWorld(seed);
  const { random, scheduler, weather } = world;
  let lives = actors.map((actor) => startLife(world, actor, 1));
  let count = lives.length;
  let steps = 0;
  const faults: string[] = [];
  try {
    await scheduler.run(() => steps >= eventfulSteps, () => {
      steps += 1;
      const life = random.pick(lives);
      if (life.done) return;
      if (random.chance(weather.kill) && mayBeKilled(world, life)) {
        world.log.push(`${scheduler.nowMs()} ${life.process.name} killed`);
        life.process.alive = false;
        lives = lives.map((one) => one === life ? startLife(world, life.actor, ++count) : one);
      } else if (random.chance(weather.freeze)) {
        life.process.frozenUntilMs = scheduler.nowMs() + 1_000 + random.int(60_000);
      }
    });
    world.calm = true;
    for (const life of lives) life.stopping = !life.actor.isSink;
    await scheduler.run(() => lives.every(({ done }) => done), () => undefined);
    faults.push(...await findTableFaults(world));
  } catch (error) {
    faults.push(error instanceof Error ? error.stack ?? error.message : String(error));
  }
  return { faults, lives: count, steps: scheduler.steps(), log: world.log };
}

/** Who would have to tell of files that a restore needs lives on. */
function mayBeKilled({ weather }: TableWorld, { actor }: Life): boolean {
  return !weather.oldRestores || !["vacuumer", "restorer"].includes(actor.name);
}

function startLife(world: TableWorld, actor: Actor, number: number): Life {
  const { scheduler, random } = world;
  const process: Process = { name: `${actor.name} ${number}`, alive: true, frozenUntilMs: 0 };
  const life: Life = { actor, process, done: false, stopping: false };
  const engine = processEngine(world, process);
  const never = new AbortController().signal;
  const live = async (): Promise<void> => {
    while (!life.stopping) {
      try {
        if (await actor.once(world, engine)) break;
      } catch (error) {
        world.log.push(`${scheduler.nowMs()} ${process.name}: ${messageOf(error)}`);
        if (!isExpected(world, error)) world.faults.push(`${process.name}: ${messageOf(error)}`);
      }
      const restMs = actor.isSink ? world.weather.restMsMax / 4 : world.weather.restMsMax;
      if (!life.stopping) await engine.clock.sleep(random.int(restMs), never);
    }
    life.done = true;
  };
  void live();
  return life;
}

/** What an operation may fail for when others change the table under it or the store is away. */
function isExpected(world: TableWorld, error: unknown): boolean {
  if (!(error instanceof CdcDeltaError)) return false;
  if (error.code === "store" || error.code === "conflict") return true;
  // Of a version that is going away: its log or its files.
  if (error.code === "not-found") return world.weather.oldRestores || error.retryable;
  const { message } = error;
  // Another process writes the same checkpoint while its parts are read; asked again, it is whole.
  if (message.startsWith("Cannot read the checkpoint")) return true;
  return error.code === "usage" &&
    (message.startsWith("Nothing to restore") || message.includes("Vacuum it with --mode full"));
}
