import { sendControl, type SnapshotControl } from "../../core/connect/control-snapshot.ts";
import { runningProblems } from "../../core/connect/snapshot-connector.ts";
import { storedSnapshot } from "../../core/connect/snapshot-offsets.ts";
import { CdcDeltaError } from "../../errors.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { jsonText } from "../output/json-text.ts";
import { followable, type SnapshotSession } from "./snapshot-session.ts";

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
      `Cannot ${verb} a snapshot: ${problem.message}. ${problem.fix}`,
    );
  }
  const control: SnapshotControl = verb === "stop" ? { kind: verb, collections } : { kind: verb };
  const id = random.uuid();
  const outcome = await sendControl({ client, clock }, {
    control,
    id,
    channels,
    answerMsMax: options.timeout,
    signal,
  });
  if (outcome.kind === "unanswered") throw await unanswered(session, verb);
  const stopped = outcome.notification.collections;
  if (verb === "stop" && stopped.length === 0 && collections.length > 0) {
    throw new CdcDeltaError(
      "connect",
      `Nothing was stopped: ${collections.join(", ")} is not part of the snapshot that is running`,
    );
  }
  const done = { pause: "paused", resume: "resumed", stop: "stopped" }[verb];
  const what = stopped.length === 0 ? "The incremental snapshot" : stopped.join(", ");
  await world.stdout.write(
    options.json
      ? `${jsonText({ event: done, signal: id, collections: stopped }, 0)}\n`
      : `${what}: ${done}\n`,
  );
  return exitCodes.done;
}

async function unanswered(
  { connect, target, options, signal }: SnapshotSession,
  verb: SnapshotControl["kind"],
): Promise<CdcDeltaError> {
  const head = `Nobody answered the signal to ${verb} within ${options.timeout / 1000} s`;
  const answer = target.connector === null
    ? null
    : await connect.offsets(target.connector.name, { signal });
  const running = answer?.kind === "offsets" ? storedSnapshot(answer.offsets) : null;
  const state = answer?.kind !== "offsets"
    ? "perhaps no incremental snapshot is running"
    : running === null
    ? "no incremental snapshot is running"
    : `an incremental snapshot of ${running.collections.join(", ")} is running; it may be ` +
      `${verb === "resume" ? "no longer" : "already"} paused`;
  return new CdcDeltaError(
    "connect",
    `${head}: ${state}. Blocking snapshots cannot be paused or stopped. Look at cdcdelta ` +
      "snapshot --status",
  );
}
