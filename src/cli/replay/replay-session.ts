import { tryAgain } from "../../core/connect/patient-client.ts";
import type { KafkaClient } from "../../core/kafka/kafka-client.ts";
import {
  planReplay,
  type ReplayPlan,
  type ReplayQuestion,
  type ReplayTable,
} from "../../core/replay/load-replay.ts";
import { CdcDeltaError } from "../../errors.ts";
import { systemClock } from "../clock.ts";
import { kafkaClientOf } from "../kafka-access.ts";
import { systemRandom } from "../random.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import { tableLocator } from "../table-location.ts";
import { type WiredTables, wireTables } from "../wire-tables.ts";
import { ownTables } from "./own-tables.ts";
import type { ReplayFlags } from "./replay-options.ts";

/** What the parts of a replay share. */
export type ReplaySession = {
  readonly resolved: ResolvedSettings;
  readonly flags: ReplayFlags;
  readonly tables: WiredTables;
  readonly client: KafkaClient;
  readonly basePath: string;
  readonly groupId: string;
  readonly pipelineId: string;
  /** Asks again, with growing pauses, what failed for a time. */
  again<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T>;
  close(): Promise<void>;
};

/** Connects nothing yet. Errors: `usage`. */
export function openReplay(resolved: ResolvedSettings, flags: ReplayFlags): ReplaySession {
  const { values } = resolved;
  if (values.basePath === null) throw new RangeError("Cannot replay without a base path");
  const tables = wireTables(values);
  const client = kafkaClientOf(values);
  const patience = { clock: systemClock, random: systemRandom, attemptsMax: values.retries };
  return {
    resolved,
    flags,
    tables,
    client,
    basePath: values.basePath,
    groupId: values.kafkaConsumerGroup,
    pipelineId: values.pipelineId ?? values.kafkaConsumerGroup,
    again: (ask, signal) => tryAgain(ask, { ...patience, signal }),
    async close() {
      await client.close();
      tables.close();
    },
  };
}

/** Looks at everything and decides. Errors: as `planReplay`; `usage` when nothing is touched. */
export async function loadPlan(
  session: ReplaySession,
  signal: AbortSignal,
): Promise<ReplayPlan> {
  const { client, groupId, pipelineId, flags } = session;
  if (flags.from === null) throw new RangeError("Cannot replay without a range");
  const tables = flags.collection === null
    ? await ownTables({ ...session, engineAt: session.tables.engineAt }, signal)
    : namedTables(session, flags.collection);
  const question: ReplayQuestion = {
    client,
    groupId,
    pipelineId,
    tables,
    from: flags.from,
    to: flags.to,
    signal,
  };
  const plan = await session.again(() => planReplay(question), signal);
  if (plan.tables.length > 0) return withKeys(session, plan);
  throw new CdcDeltaError(
    "usage",
    "Nothing to replay: no table of this pipeline has rows of the range. What it has not yet, " +
      "or what a replay took out that was ended, cdcdelta run reads",
    { context: { pipeline: pipelineId, tables: tables.length } },
  );
}

/** The tables of collections, whether they are there or not. */
export function namedTables(session: ReplaySession, keys: readonly string[]): ReplayTable[] {
  const uriOf = locatorOf(session);
  return keys.map((key) => ({ key, uri: uriOf(key), engine: session.tables.engineAt(uriOf(key)) }));
}

function locatorOf({ resolved, basePath }: ReplaySession): (key: string) => string {
  const { values: settings, collections } = resolved;
  return tableLocator({ settings, collections, basePath });
}

/** Tables that were found in folders get the names of those in the group's marks that lie there. */
function withKeys(session: ReplaySession, plan: ReplayPlan): ReplayPlan {
  const uriOf = locatorOf(session);
  const keys = new Map<string, string>();
  for (const { committed } of plan.kafka.logs.values()) {
    for (const { key } of committed?.mark?.tables ?? []) keys.set(uriOf(key), key);
  }
  const named = plan.tables.map(({ table, replay }) => {
    const key = table.key ?? keys.get(table.uri) ?? null;
    return { table: { ...table, key }, replay: { ...replay, key } };
  });
  return { ...plan, tables: named };
}
