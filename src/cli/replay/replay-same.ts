import type { ReplayPlan } from "../../core/replay/load-replay.ts";
import { type ReplayStep, rewindTables } from "../../core/replay/replay-same.ts";
import { countReread } from "../../core/replay/reread-count.ts";
import { streamRun } from "../commands/run.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { counted } from "../output/counted.ts";
import type { CliWorld } from "../world.ts";
import { systemRandom } from "../random.ts";
import { placeOf } from "./noted-place.ts";
import { readingTopics } from "./reading-topics.ts";
import { pointText } from "./replay-point.ts";
import { doneText, replayJson, type ReplayReport, rowsOf } from "./replay-report.ts";
import type { ReplaySession } from "./replay-session.ts";

type Signals = {
  readonly stop: AbortSignal;
  /** Somebody else listens to signals from now on. */
  readonly listening: () => void;
};

/** Lowers floors, rewinds tables, reads again. Errors: as `rewindTables`, and those of a run. */
export async function replaySame(
  world: CliWorld,
  session: ReplaySession,
  plan: ReplayPlan,
  { stop, listening }: Signals,
): Promise<ExitCode> {
  const { flags, client, groupId, pipelineId, tables } = session;
  const rewound = new Map<string, number>();
  const say = (text: string): Promise<void> => world.stderr.write(`cdcdelta: ${text}\n`);
  const onStep = (step: ReplayStep): void => {
    if (step.kind === "table-rewound") rewound.set(step.uri, step.version);
    void say(stepText(step, groupId));
  };
  const range = flags.from === null ? "" : pointText(flags.from);
  try {
    await rewindTables(plan, {
      client,
      groupId,
      pipelineId,
      range,
      store: tables.engineAt(session.basePath).store,
      placeOf: (uri) => placeOf(session.basePath, uri),
      random: systemRandom,
      onStep,
      again: (ask) => session.again(ask, stop),
      signal: stop,
    });
  } catch (error) {
    if (rewound.size > 0) {
      await say(`cdcdelta run reads again what ${[...rewound.keys()].join(", ")} lost`);
    }
    throw error;
  }
  listening();
  const topics = plan.tables.flatMap(({ replay }) => replay.partitions.map(({ topic }) => topic));
  const settings = readingTopics(session.resolved, topics);
  const flagsOfRun = { plan: false, adopt: false, untilLatest: true };
  const end = await streamRun(world, settings, flagsOfRun).catch(async (error: unknown) => {
    await say("what was taken out is read again by cdcdelta run");
    throw error;
  });
  const signal = new AbortController().signal;
  const done: ReplayReport["tables"][number][] = [];
  for (const { table, replay } of plan.tables) {
    const rewoundAs = rewound.get(table.uri) ?? null;
    const rowsReadAgain = end.kind === "done" && rewoundAs !== null
      ? await countReread(tables.engineAt(table.uri), replay, rewoundAs, { signal })
      : null;
    done.push({ plan: replay, done: { rewoundAs, rowsReadAgain } });
  }
  const fewer = done.filter((one) => (one.done?.rowsReadAgain ?? 0) < rowsOf(one.plan));
  // A signal that came with the last rows has stopped nothing.
  const complete = end.kind === "done" && !(end.report.stopped && fewer.length > 0);
  const report: ReplayReport = {
    from: range,
    to: flags.to === null ? null : pointText(flags.to),
    into: "same",
    dryRun: false,
    stopped: !complete,
    tables: done,
  };
  await world.stdout.write(flags.format === "json" ? replayJson(report) : doneText(report));
  if (end.kind === "failed") return end.code;
  if (!complete) return exitCodes.interrupted;
  for (const { plan: { uri, newestVersion } } of fewer) {
    await say(
      `${uri} has fewer rows of the range than before: Kafka no longer has all of them (was the ` +
        `topic compacted?), or they are dead letters now. Version ${newestVersion} still has them`,
    );
  }
  return fewer.length === 0 ? exitCodes.done : exitCodes.failed;
}

function stepText(step: ReplayStep, groupId: string): string {
  switch (step.kind) {
    case "floors-lowered":
      return `lowered ${counted(step.floors.length, "offset")} of consumer group "${groupId}"`;
    case "table-rewound":
      return `${step.uri} went back, as version ${step.version}`;
  }
}
