import { sendControl, type SnapshotControl } from "../../core/connect/control-snapshot.ts";
import { runningProblems } from "../../core/connect/snapshot-connector.ts";
import { CdcDeltaError } from "../../errors.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { jsonText } from "../output/json-text.ts";
import { followable, type SnapshotSession, storedIn } from "./snapshot-session.ts";

/** How long an answer is waited for where no snapshot seems to run; signals are polled every 5 s. */
const idleAnswerMs = 15_000;

/** `--pause`, `--resume` and `--stop`. Errors: `connect`, `kafka`. */
export async function controlSnapshot(
  session: SnapshotSession,
  verb: SnapshotControl["kind"],
): Promise<ExitCode> {
  const { client, clock, random, collections, options, target, world, signal } = session;
  const channels = followable(target);
  const [problem] = target.connector === null ? [] : runningProblems(target.connector);
  if (problem !== undefined) {
    throw new CdcDeltaError(
      "connect",
      `Cannot ${verb} a snapshot: ${problem.message}: ${problem.fix}`,
    );
  }
  const control: SnapshotControl = verb === "stop" ? { kind: verb, collections } : { kind: verb };
  const id = random.uuid();
  // The signal is sent all the same: what Connect has stored may be a little old.
  const answerMsMax = await storedIn(session) === null
    ? Math.min(options.timeout, idleAnswerMs)
    : options.timeout;
  const outcome = await sendControl({ client, clock }, {
    control,
    id,
    channels,
    answerMsMax,
    signal,
  });
  if (outcome.kind === "unanswered") throw await unanswered(session, { verb, answerMsMax });
  // A collection that was asked for again while it was read is there twice.
  const stopped = [...new Set(outcome.notification.collections)];
  if (verb === "stop" && stopped.length === 0 && collections.length > 0) {
    throw new CdcDeltaError(
      "connect",
      `Nothing was stopped: ${collections.join(", ")} is not part of the snapshot that is running`,
    );
  }
  const done = { pause: "paused", resume: "resumed", stop: "stopped" }[verb];
  const what = stopped.length === 0 ? "The incremental snapshot" : stopped.join(", ");
  await world.stdout.write(
    options.format === "json"
      ? `${jsonText({ event: done, signal: id, collections: stopped }, 0)}\n`
      : `${what}: ${done}\n`,
  );
  return exitCodes.done;
}

async function unanswered(
  session: SnapshotSession,
  { verb, answerMsMax }: {
    readonly verb: SnapshotControl["kind"];
    readonly answerMsMax: number;
  },
): Promise<CdcDeltaError> {
  const head = `Nobody answered the signal to ${verb} within ${answerMsMax / 1000} s`;
  const stored = await storedIn(session);
  const state = session.target.connector === null
    ? "perhaps no incremental snapshot is running"
    : stored === null
    ? "no incremental snapshot is running"
    : `one of ${stored.collections.join(", ")} is running. ${hints[verb]}`;
  return new CdcDeltaError(
    "connect",
    `${head}: ${state}. Blocking snapshots cannot be paused or stopped. Look at cdcdelta ` +
      "snapshot --status",
  );
}

const hints = {
  pause: "It may be paused already",
  resume: "It may not be paused",
  stop: "If it is paused, resume it: Debezium stops collections only while it reads",
} as const;
