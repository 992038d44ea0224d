/** A rule taken out of the sources: the simulation has to notice. `find` must occur exactly once. */
export type Mutant = {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** The simulation that has to notice; default the pump's. */
  readonly simulation?: "pump" | "kafka-group" | "table-operations";
};

export const mutants: readonly Mutant[] = [
  {
    name: "no watermark drop",
    file: "src/core/pump/open-table.ts",
    find: "watermarks: tableWatermarks(table, owner),",
    replace: "watermarks: [],",
  },
  {
    name: "no own-id check",
    file: "src/delta/log/committer.ts",
    find: `action.kind === "commitInfo" && action.commitInfo["txnId"] === txnId`,
    replace: `action.kind === "commitInfo" && action.commitInfo["txnId"] === \`not \${txnId}\``,
  },
  {
    name: "floor = highest",
    file: "src/core/pump/run-session.ts",
    find: "const ends = [...flush.ends];",
    replace: "const ends = [...flush.ends, ...(held.open?.ends ?? [])];",
  },
  {
    name: "no prefix rule",
    file: "src/core/pump/run-session.ts",
    find: "const frozen = await freezeAfterMerge(context);",
    replace: [
      "const all = await freezeAfterMerge(context);",
      "const done = await Promise.all(flush.jobs.map((job) =>",
      "  Promise.race([job.result.then(() => job.seq % 5 !== 0), Promise.resolve(true)])));",
      "const frozen = all;",
      "flush.jobs.splice(0, flush.jobs.length, ...flush.jobs.filter((job, index) =>",
      "  done[index] && (job.seq % 5 !== 0 || flush.jobs.length === 1)));",
    ].join("\n  "),
  },
  {
    name: "no re-encode",
    file: "src/core/pump/merge-job.ts",
    find: "    if (current) {",
    replace: "    if (current || result.tables.length > 0) {",
  },
  {
    name: "Kafka commit first",
    file: "src/core/pump/run-session.ts",
    find: "  const { stale, results } = await commitFlush(context, frozen);",
    replace: [
      "  await session.world.source.commitFloors(",
      "    [...flush.ends].map(([lane, nextOffset]) => ({ lane, nextOffset, tables: [] })),",
      "    { signal: session.signal },",
      "  );",
      "  const { stale, results } = await commitFlush(context, frozen);",
    ].join("\n"),
  },
  {
    name: "no fence against zombies",
    file: "src/delta/log/conflict-checker.ts",
    find: `action.kind === "txn" && ours.has(action.txn.appId)`,
    replace: `action.kind === "txn" && ours.has(\`not \${action.txn.appId}\`)`,
  },
  {
    name: "lanes come back before what was under way is known",
    file: "src/core/pump/read-source.ts",
    find: "  await held.flushDone;",
    replace: "",
  },
  {
    name: "dead letters beside the other tables",
    file: "src/core/pump/commit-flush.ts",
    find:
      "  if (letters !== undefined) await commitOne([deadLetterTable, letters]);\n  rows.delete",
    replace: "  if (letters === undefined) rows.delete",
  },
  {
    name: "a widening without a look at what else is in the schema",
    file: "src/core/pump/commit-table.ts",
    find: "  if (schemaText(outcome.state.schema) === schemaText(schema)) return null;",
    replace: "  if (schema !== undefined) return null;",
  },
  {
    name: "an offset that is not ours is taken for a floor",
    simulation: "kafka-group",
    file: "src/core/source/kafka/decide-start.ts",
    find: `  if (mark === null) return { kind: "foreign", offset, ours: null };`,
    replace: `  if (mark === null) return { kind: "valid", nextOffset: offset };`,
  },
  {
    name: "an offset that was moved is taken for a floor",
    simulation: "kafka-group",
    file: "src/core/source/kafka/decide-start.ts",
    find: "  if (mark.nextOffset !== offset) return",
    replace: "  if (mark.nextOffset < 0n) return",
  },
  {
    name: "what was fetched of lost lanes is given",
    simulation: "kafka-group",
    file: "src/core/source/kafka/next-event.ts",
    find: `    if (next.lane.phase === "lost") continue;`,
    replace: "",
  },
  {
    name: "the consumer is not told of lanes that are lost",
    simulation: "kafka-group",
    file: "src/core/source/kafka/lane-set.ts",
    find: "  if (lane.told && state.session !== null) state.lost.add(lane.lane);",
    replace: "",
  },
  {
    name: "lanes start where they were read to, not at their floor",
    simulation: "kafka-group",
    file: "src/core/source/kafka/kafka-source.ts",
    find: "  restartLanes(state);",
    replace: "",
  },
  {
    name: "the floor of a lane is what was read of it, not what was committed",
    simulation: "kafka-group",
    file: "src/core/source/kafka/commit-floors.ts",
    find: "    state.owed.set(floor.lane, floor);",
    replace: "    state.owed.set(floor.lane, { ...floor, nextOffset: lane.delivered });",
  },
  {
    name: "a topic that was hidden is given again beside what is held of it",
    simulation: "kafka-group",
    file: "src/core/source/kafka/lane-set.ts",
    find: "  loseLane(state, before);",
    replace: "",
  },
  {
    name: "vacuum does not see what came back since its plan",
    simulation: "table-operations",
    file: "src/delta/operations/vacuum-watch.ts",
    find: "    isBack: (key) => back.has(key),",
    replace: "    isBack: (key) => back.has(key) && back.size < 0,",
  },
  {
    name: "vacuum takes uploads that are under way",
    simulation: "table-operations",
    file: "src/delta/operations/vacuum-plan.ts",
    find: "  return age > Math.max(retentionMs, orphanAgeMsMin);",
    replace: "  return age >= Math.min(0, orphanAgeMsMin);",
  },
  {
    name: "vacuum takes what left the table a moment ago",
    simulation: "table-operations",
    file: "src/delta/operations/vacuum-known.ts",
    find: "isExpired(remove, cutoffMs) ? expired : kept",
    replace: "isExpired(remove, cutoffMs + retentionMs) ? expired : kept",
  },
  {
    name: "optimize says that rows change",
    simulation: "table-operations",
    file: "src/delta/operations/optimize-draft.ts",
    find: "    dataChange: false,",
    replace: "    dataChange: true,",
  },
  {
    name: "winners that removed our files are no conflict",
    simulation: "table-operations",
    file: "src/delta/log/conflict-checker.ts",
    find: "  return paths.size > 0 &&",
    replace: "  return paths.size < 0 &&",
  },
  {
    name: "a later bin brings back what others took out",
    simulation: "table-operations",
    file: "src/delta/operations/optimize.ts",
    find: `      if (action.kind === "remove") table.gone.add(`,
    replace: `      if (action.kind === "remove" && table.gone.size < 0) table.gone.add(`,
  },
  {
    name: "restore does not look whether its files are there",
    simulation: "table-operations",
    file: "src/delta/operations/missing-files.ts",
    find: "    if (await engine.store.head(key, { signal }) === null) missing.push(key);",
    replace: "    await engine.store.head(key, { signal });",
  },
  {
    name: "restore keeps what others appended meanwhile",
    simulation: "table-operations",
    file: "src/delta/operations/restore.ts",
    find: `    reads: { kind: "whole-table" },`,
    replace: `    reads: { kind: "blind-append" },`,
  },
  {
    name: "a checkpoint leaves tombstones out",
    simulation: "table-operations",
    file: "src/delta/log/checkpoint-writer.ts",
    find: "isTombstoneLive(remove, { nowMs, retentionMs })",
    replace: "isTombstoneLive(remove, { nowMs, retentionMs: retentionMs / 1000 })",
  },
  {
    name: "log clean-up takes versions within the retention",
    simulation: "table-operations",
    file: "src/delta/log/log-cleanup.ts",
    find: "  return Math.floor((nowMs - Math.max(retentionMs, dayMs)) / dayMs) * dayMs;",
    replace: "  return retentionMs < dayMs ? 0 : nowMs;",
  },
];
