import type { ConnectClient } from "../../core/connect/connect-client.ts";
import type { ConnectorOverview } from "../../core/connect/connect-types.ts";
import { type StoredSnapshot, storedSnapshot } from "../../core/connect/snapshot-offsets.ts";
import type { SnapshotChannels } from "../../core/connect/snapshot-connector.ts";
import type { PatientClient } from "../../core/connect/patient-client.ts";
import type { Clock, Random } from "../../delta/clock.ts";
import { CdcDeltaError } from "../../errors.ts";
import type { Settings } from "../settings/settings.ts";
import type { CliWorld } from "../world.ts";
import type { SnapshotOptions } from "./snapshot-options.ts";
import type { SnapshotTarget } from "./snapshot-target.ts";

/** What every form of `cdcdelta snapshot` works with. */
export type SnapshotSession = {
  readonly world: CliWorld;
  readonly values: Settings;
  readonly options: SnapshotOptions;
  readonly client: PatientClient;
  readonly connect: ConnectClient;
  readonly clock: Clock;
  readonly random: Random;
  /** `db.collection` of the command line. */
  readonly collections: readonly string[];
  readonly target: SnapshotTarget;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
};

/** Channels with a topic to follow. Errors: `connect` when the connector sends no notifications. */
export function followable(
  { channels, connector }: SnapshotTarget,
): SnapshotChannels & { readonly notificationTopic: string } {
  const { notificationTopic } = channels;
  if (notificationTopic !== null) return { ...channels, notificationTopic };
  throw new CdcDeltaError(
    "connect",
    `Cannot follow snapshots: the connector ${connector?.name ?? channels.topicPrefix} sends no ` +
      "notifications. Set notification.enabled.channels=sink and notification.sink.topic.name in " +
      "its configuration",
  );
}

/** The connector as it is now; null where Connect cannot be asked. */
export async function lookAgain(
  { connect, target }: Pick<SnapshotSession, "connect" | "target">,
  signal: AbortSignal,
): Promise<ConnectorOverview | null> {
  const { connector } = target;
  if (connector === null) return null;
  try {
    const probe = await connect.probe({ signal });
    if (probe.kind !== "ready") return null;
    const [config, status] = await Promise.all([
      connect.config(connector.name, { signal }),
      connect.status(connector.name, { signal }),
    ]);
    return config === null ? null : { name: connector.name, config, status };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CdcDeltaError) return null;
    throw error;
  }
}

/** What Connect has stored of an incremental snapshot; null: nothing, or it cannot be asked. */
export async function storedIn(
  { connect, target, signal }: Pick<SnapshotSession, "connect" | "target" | "signal">,
): Promise<StoredSnapshot | null> {
  if (target.connector === null) return null;
  const answer = await connect.offsets(target.connector.name, { signal });
  return answer.kind === "offsets" ? storedSnapshot(answer.offsets) : null;
}
