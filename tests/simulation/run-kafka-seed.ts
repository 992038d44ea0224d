import { messageOf } from "../../src/errors.ts";
import {
  groupId,
  type KafkaWorld,
  makeKafkaWorld,
  type MemberLife,
  startKafkaLife,
} from "./kafka-world.ts";
import { findFaults } from "./oracle.ts";
import type { SeedReport } from "./run-seed.ts";

/** Steps during which things happen, and members at the same time. */
const eventfulSteps = 4_000;
const membersMax = 3;
const livesMax = 25;

/**
 * Plays one seed: up to three members of a group at work while records are written, each killed,
 * frozen, cut off or leaving as the weather says; then a last one in calm weather that has to
 * finish; then compares the tables with the events.
 */
export async function runKafkaSeed(
  seed: number,
  onWorld: (world: KafkaWorld) => void = () => undefined,
): Promise<SeedReport> {
  const world = makeKafkaWorld(seed);
  onWorld(world);
  const lives: MemberLife[] = [];
  const faults: string[] = [];
  const start = (last: boolean): MemberLife => {
    const life = startKafkaLife(world, last ? "last" : `member-${lives.length + 1}`, last);
    lives.push(life);
    return life;
  };
  try {
    start(false);
    let steps = 0;
    await world.scheduler.run(() => steps >= eventfulSteps, () => {
      steps += 1;
      step(world, lives, start);
    });
    world.calm = true;
    world.kafka.finish();
    for (const life of lives) {
      life.cutUntilMs = 0;
      if (life.process.alive) life.stop();
    }
    await world.scheduler.run(() => lives.every(isOver), () => undefined);
    const last = start(true);
    await world.scheduler.run(() => isOver(last), () => undefined);
    if (last.outcome !== null && "error" in last.outcome) {
      faults.push(`the last run failed: ${messageOf(last.outcome.error)}`);
    }
    faults.push(...await findFaults(world), ...unexpectedErrors(world, lives));
  } catch (error) {
    faults.push(error instanceof Error ? error.stack ?? error.message : String(error));
  }
  return { faults, lives: lives.length, steps: world.scheduler.steps(), log: world.log };
}

const isOver = (life: MemberLife): boolean => !life.process.alive || life.outcome !== null;

/** What may happen at any moment. */
function step(
  world: KafkaWorld,
  lives: readonly MemberLife[],
  start: (last: boolean) => MemberLife,
): void {
  const { random, group, scheduler, cluster } = world;
  const nowMs = scheduler.nowMs();
  const log = (what: string): void => void world.log.push(`${nowMs} ${what}`);
  if (random.chance(0.05)) world.kafka.step();
  const living = lives.filter((life) => !isOver(life));
  const mayStart = living.length < membersMax && lives.length < livesMax;
  if (mayStart && random.chance(living.length === 0 ? 0.2 : group.join)) start(false);
  if (random.chance(group.move)) {
    const topic = random.pick([...cluster.topics.keys(), ""]);
    if (topic !== "") cluster.moveLeader(topic, 0, 1 + random.int(2));
  }
  if (random.chance(group.reset)) resetOffset(world);
  if (random.chance(group.hide) && cluster.topics.size > 0) {
    const topic = random.pick([...cluster.topics.keys()]);
    world.hidden.set(topic, nowMs + 500 + random.int(8_000));
    log(`${topic} is hidden until ${world.hidden.get(topic)}`);
  }
  if (random.chance(group.forget)) {
    log("the coordinator forgets its members");
    cluster.group(groupId).members.clear();
    cluster.group(groupId).state = "Empty";
  }
  if (living.length === 0) return;
  const life = random.pick(living);
  const { process } = life;
  if (random.chance(group.cut)) {
    life.cutUntilMs = nowMs + 1_000 + random.int(15_000);
    log(`${process.name} is cut off until ${life.cutUntilMs}`);
  } else if (random.chance(group.leave)) {
    log(`${process.name} is told to stop`);
    life.stop();
  } else if (random.chance(group.kill)) {
    log(`${process.name} killed`);
    process.alive = false;
  } else if (random.chance(group.freeze)) {
    process.frozenUntilMs = nowMs + 1_000 + random.int(20_000);
    log(`${process.name} freezes until ${process.frozenUntilMs}`);
  }
}

/** Any tool can do that at any time; what we did not commit must not be believed. */
function resetOffset({ random, cluster, log }: KafkaWorld): void {
  const topics = [...cluster.topics];
  if (topics.length === 0) return;
  const [topic, { logs }] = random.pick(topics);
  const partition = random.int(logs.length);
  const offset = BigInt(random.int(Number(logs[partition]!.end) + 1));
  const metadata = cluster.committed(groupId, topic, partition)?.metadata ?? "";
  log.push(`somebody sets ${topic}-${partition} to ${offset}`);
  cluster.commit(groupId, { topic, partition }, offset, random.chance(0.5) ? metadata : "");
}

/** Members may fail for what the weather did to them, and for nothing else. */
function unexpectedErrors({ group }: KafkaWorld, lives: readonly MemberLife[]): string[] {
  return lives.flatMap(({ process, outcome }) => {
    if (outcome === null || "summary" in outcome) return [];
    const message = messageOf(outcome.error);
    const expected = message.includes("simulated: ") ||
      // What was hidden for too long must be taken for deleted, unread records and all.
      group.hide > 0 && message.includes("the topic was deleted") ||
      group.behind > 0 && message.includes("OFFSET_OUT_OF_RANGE");
    return expected ? [] : [`${process.name} failed: ${message}`];
  });
}
