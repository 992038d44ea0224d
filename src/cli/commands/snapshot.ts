import { patientClient } from "../../core/connect/patient-client.ts";
import { systemClock } from "../clock.ts";
import { connectClientOf } from "../connect-access.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { kafkaClientOf } from "../kafka-access.ts";
import { systemRandom } from "../random.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import { askSnapshot } from "../snapshot/ask-snapshot.ts";
import { controlSnapshot } from "../snapshot/control-snapshot.ts";
import { showSnapshots } from "../snapshot/show-snapshots.ts";
import type { SnapshotOptions } from "../snapshot/snapshot-options.ts";
import type { SnapshotSession } from "../snapshot/snapshot-session.ts";
import { findTarget } from "../snapshot/snapshot-target.ts";
import type { CliWorld, SignalName } from "../world.ts";

/** `cdcdelta snapshot`. Errors: `connect`, `kafka`, `permission`, `usage`. */
export async function snapshotCommand(
  world: CliWorld,
  { values }: ResolvedSettings,
  words: readonly string[],
  options: SnapshotOptions,
): Promise<ExitCode> {
  const collections = [...new Set(words)];
  const kafka = kafkaClientOf(values);
  const clock = systemClock;
  const random = systemRandom;
  const client = patientClient(kafka, { clock, random, attemptsMax: values.retries });
  const connect = connectClientOf(values, () => undefined);
  const stop = new AbortController();
  let stopped: SignalName | null = null;
  const release = world.onSignal((name) => {
    if (stopped !== null) world.exit(codeOf(stopped));
    stopped = name;
    stop.abort();
  });
  const { signal } = stop;
  try {
    const target = await findTarget(connect, {
      name: values.connectorName,
      collections,
      flags: options,
      signal,
    });
    const session = {
      world,
      values,
      options,
      client,
      connect,
      clock,
      random,
      collections,
      target,
      signal,
    };
    return await dispatch(session);
  } catch (error) {
    if (stopped === null) throw error;
    await world.stderr.write(
      "cdcdelta: no longer following; what was asked for goes on. Its state: cdcdelta snapshot " +
        "--status\n",
    );
    return codeOf(stopped);
  } finally {
    release();
    await kafka.close();
  }
}

function dispatch(session: SnapshotSession): Promise<ExitCode> {
  const { status, pause, resume, stop } = session.options;
  if (status) return showSnapshots(session);
  if (pause) return controlSnapshot(session, "pause");
  if (resume) return controlSnapshot(session, "resume");
  if (stop) return controlSnapshot(session, "stop");
  return askSnapshot(session);
}

function codeOf(name: SignalName): ExitCode {
  return name === "SIGINT" ? exitCodes.interrupted : exitCodes.terminated;
}
