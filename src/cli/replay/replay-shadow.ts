import path from "node:path";
import { compareTables, type TableComparison } from "../../core/replay/compare-tables.ts";
import { planShadow, type ShadowPlan } from "../../core/replay/plan-shadow.ts";
import {
  goOnAt,
  loadShadow,
  rangesOf,
  type ShadowOrigin,
  shadowPipeline,
  shadowProperty,
  shadowText,
} from "../../core/replay/shadow-table.ts";
import { formatTableUri, parseTableUri } from "../../delta/storage/table-uri.ts";
import { CdcDeltaError } from "../../errors.ts";
import { streamRun } from "../commands/run.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { readingTopics } from "./reading-topics.ts";
import { tableRoots } from "../table-roots.ts";
import type { CliWorld } from "../world.ts";
import { pointText } from "./replay-point.ts";
import { namedTables, type ReplaySession } from "./replay-session.ts";
import { shadowJson, type ShadowReport, shadowText as reportText } from "./shadow-report.ts";

/** Rows that differ, of which the report tells the record. */
const examplesMax = 20;

type Signals = { readonly stop: AbortSignal; readonly listening: () => void };

/**
 * Reads a range into a table of its own, and compares. Exit code 1 when rows differ. Errors: `usage`
 * for a place that is no good; `kafka`, the store's, those of a run.
 */
export async function replayShadow(
  world: CliWorld,
  session: ReplaySession,
  { stop, listening }: Signals,
): Promise<ExitCode> {
  const { flags, tables, pipelineId } = session;
  const [table] = namedTables(session, flags.collection ?? []);
  const into = flags.into ?? "";
  if (table === undefined || flags.from === null) throw new RangeError("Nothing to replay");
  refusePlaceOfTables(session, into);
  const engine = tables.engineAt(into);
  const key = table.key ?? "";
  const origin: ShadowOrigin = { pipelineId, key, from: pointText(flags.from) };
  const shadow = await loadShadow(engine, origin, { signal: stop });
  const { client, groupId } = session;
  const { from, to } = flags;
  const begun = shadow?.begun ?? null;
  const plan = await session.again(
    () => planShadow({ client, groupId, pipelineId, table, from, to, begun, signal: stop }),
    stop,
  );
  const reads = plan.ranges.map((range) => ({
    ...range,
    start: goOnAt(range, shadow, pipelineId),
  }));
  const report: ShadowReport = {
    origin,
    to: to === null ? null : pointText(to),
    table: table.uri,
    into,
    plan,
    reads,
    dryRun: flags.dryRun,
    stopped: false,
    comparison: null,
  };
  const show = (shown: ShadowReport): Promise<void> =>
    world.stdout.write(flags.format === "json" ? shadowJson(shown) : reportText(shown));
  if (flags.dryRun || plan.refusals.length > 0) {
    await show(report);
    return plan.refusals.length > 0 ? exitCodes.failed : exitCodes.done;
  }
  listening();
  const properties = { [shadowProperty]: shadowText(origin, plan.ranges) };
  const range = rangesOf(reads);
  const topics = plan.ranges.map(({ topic }) => topic);
  const end = await streamRun(world, readingTopics(session.resolved, topics), {
    plan: false,
    adopt: false,
    untilLatest: true,
    shadow: { key, uri: into, pipelineId: shadowPipeline(pipelineId), properties, range },
  });
  if (end.kind === "failed") return end.code;
  const { stopped } = end.report;
  const comparison = flags.compare && !stopped ? await compared(session, plan, engine) : null;
  await show({ ...report, stopped, comparison });
  if (stopped) return exitCodes.interrupted;
  return comparison === null || isSame(comparison) ? exitCodes.done : exitCodes.failed;
}

async function compared(
  { tables }: ReplaySession,
  plan: ShadowPlan,
  shadow: ReturnType<ReplaySession["tables"]["engineAt"]>,
): Promise<TableComparison> {
  const signal = new AbortController().signal;
  const table = tables.engineAt(plan.table.uri);
  return await compareTables(table, shadow, plan.ranges, { examplesMax, signal });
}

function isSame({ different, onlyTable, onlyShadow, doubled }: TableComparison): boolean {
  return different + onlyTable + onlyShadow + doubled === 0n;
}

/** Where the pipeline's own tables lie, a shadow would be taken for one that others feed. */
function refusePlaceOfTables({ resolved, basePath }: ReplaySession, into: string): void {
  const { values: settings, collections } = resolved;
  const plain = (uri: string): string => {
    const at = parseTableUri(uri);
    const text = at.kind === "local" ? path.resolve(at.path) : formatTableUri(at);
    return `${text.replace(/\/+$/, "")}/`;
  };
  for (const { uri } of tableRoots({ settings, collections, basePath })) {
    if (!plain(into).startsWith(plain(uri))) continue;
    throw new CdcDeltaError(
      "usage",
      `Cannot replay into ${into}: it lies below ${uri}, where the tables of the pipeline are. ` +
        "Name a place outside of it",
      { context: { table: into } },
    );
  }
}
