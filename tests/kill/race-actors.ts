import { appendFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { SeededRandom } from "../simulation/seeded-random.ts";
import { type EndedProcess, type RunningBinary, startBinary } from "../support/run-binary.ts";

/** What all processes of a race share. */
export type Race = {
  readonly random: SeededRandom;
  /** Environment that reaches the store. */
  readonly env: Readonly<Record<string, string>>;
  readonly basePath: string;
  readonly table: string;
  /** Ends the actors that go on and on. */
  readonly over: AbortSignal;
  /** Processes at work, by process id. */
  readonly running: Map<number, RunningBinary>;
  /** Processes that ended in a way that no kill explains. */
  readonly failures: string[];
  /** How often each command came to its end, was killed, or found too many rivals. */
  readonly ends: Map<string, { done: number; killed: number; gaveUp: number }>;
};

const hadRivals = /other writers committed to it \d+ times in a row/;
const commandMsMax = 60_000;
export const pieces = 50;
export const eventsOfPiece = 20;

/** Lines as `kcat -J` prints them; from the middle on, documents have one field more. */
export function eventLines(topic: string, piece: number): string {
  return Array.from({ length: eventsOfPiece }, (_, i) => {
    const n = piece * eventsOfPiece + i;
    const document = { _id: `${topic} ${n}`, n, ...(piece < pieces / 2 ? {} : { [topic]: n }) };
    const source = { connector: "mongodb", name: "shop", ts_ms: 1, db: "shop", collection: "c" };
    const after = JSON.stringify(document);
    const payload = JSON.stringify({ before: null, after, source, op: "c", ts_ms: 1 });
    const key = JSON.stringify({ id: JSON.stringify(document._id) });
    return `${JSON.stringify({ topic, partition: 0, offset: n, ts: 1, key, payload })}\n`;
  }).join("");
}

/** Feeds a file while sinks follow it, killed now and then; returns once all of it was read. */
export async function runSink(race: Race, file: string, topic: string): Promise<void> {
  await writeFile(file, eventLines(topic, 0));
  let isFed = false;
  const feeding = (async () => {
    for (let piece = 1; piece < pieces; piece++) {
      await sleep(300);
      await appendFile(file, eventLines(topic, piece));
    }
    isFed = true;
  })();
  const args = ["run", "--source", file, "--pipeline-id", topic, "--base-path", race.basePath];
  const pace = ["--flush-rows", "10", "--flush-interval", "200ms", "--workers", "0"];
  const checkpoints = ["--property", "delta.checkpointInterval=7"];
  while (!isFed) {
    const lifeMs = 1500 + race.random.int(4000);
    await runKilled(race, [...args, ...pace, ...checkpoints, "--follow"], lifeMs);
  }
  await feeding;
  await runKilled(race, [...args, ...pace, ...checkpoints], null);
}

/** Runs commands one after the other until the race is over, some of them killed. */
export async function runAgain(
  race: Race,
  command: (random: SeededRandom) => Promise<readonly string[]>,
): Promise<void> {
  while (!race.over.aborted) {
    await sleep(race.random.int(600));
    await runKilled(
      race,
      await command(race.random),
      race.random.chance(0.35) ? 200 + race.random.int(900) : null,
    );
  }
}

async function runKilled(
  race: Race,
  args: readonly string[],
  lifeMs: number | null,
): Promise<void> {
  const child = startBinary(args, { env: race.env, timeoutMs: commandMsMax });
  race.running.set(child.pid, child);
  const timer = lifeMs === null ? undefined : setTimeout(() => child.kill("SIGKILL"), lifeMs);
  try {
    note(race, args, await child.ended);
  } catch (error) {
    race.failures.push(`${args.join(" ")}: ${String(error)}`);
  } finally {
    clearTimeout(timer);
    race.running.delete(child.pid);
  }
}

function note(race: Race, args: readonly string[], { status, signal, stderr }: EndedProcess): void {
  const command = args[0] ?? "";
  const ends = race.ends.get(command) ?? { done: 0, killed: 0, gaveUp: 0 };
  race.ends.set(command, ends);
  if (signal === "SIGKILL") ends.killed++;
  else if (status === 0) ends.done++;
  // It depends on all files, so that each append makes it begin again; it changed nothing then.
  else if (command === "restore" && hadRivals.test(stderr)) ends.gaveUp++;
  else race.failures.push(`${args.join(" ")} ended with ${status ?? signal}:\n${stderr}`);
}
