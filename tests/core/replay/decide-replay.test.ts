import { describe, expect, test } from "bun:test";
import { checkAppId, watermarkAppId } from "../../../src/core/position/app-id.ts";
import { decideReplay } from "../../../src/core/replay/decide-replay.ts";
import type { KafkaFacts, LogFacts } from "../../../src/core/replay/kafka-facts.ts";
import type { ReplayRequest, TableFacts } from "../../../src/core/replay/replay-plan.ts";
import type { SetTransaction } from "../../../src/delta/log/actions.ts";
import type { TableState } from "../../../src/delta/log/table-state.ts";

const topicId = "a".repeat(32);
const id = (partition: number, identity = topicId) => ({ topic: "t", partition, identity });

type Txns = readonly (readonly [appId: string, version: bigint])[];

const mark = (partition: number, offset: bigint, pipeline = "p") =>
  [watermarkAppId(pipeline, id(partition)), offset] as const;

function state(version: number, txns: Txns, appendOnly = false): TableState {
  const transactions = new Map(
    txns.map(([appId, at]): [string, SetTransaction] => [appId, { appId, version: at }]),
  );
  // Only what is looked at.
  return { version, transactions, properties: { appendOnly } } as unknown as TableState;
}

function facts(before: Txns, after: Txns, changes: Partial<TableFacts> = {}): TableFacts {
  return {
    key: "shop.orders",
    uri: "memory:/t",
    newest: state(9, after),
    base: { kind: "version", state: state(3, before) },
    leaving: { files: 2, bytes: 20 },
    returning: { files: 0, bytes: 0 },
    restoreRefused: null,
    rows: [],
    undone: [],
    ...changes,
  };
}

function kafka(logs: readonly Partial<LogFacts>[], known = topicId): KafkaFacts {
  return {
    topics: new Map([["t", { topicId: known, partitions: logs.length }]]),
    logs: new Map(logs.map((log, partition): [string, LogFacts] => [
      `${partition} #${known}`,
      { ...id(partition, known), logStart: 0n, stableEnd: 100n, committed: null, ...log },
    ])),
  };
}

const request: ReplayRequest = { starts: new Map(), ends: null, pipelineId: "p" };
const starts = (partition: number, offset: bigint) =>
  new Map([[`${partition} #${topicId}`, offset]]);
const row = (partition: number, first: bigint, last: bigint) => (
  { topic: "t", partition, rows: Number(last - first) + 1, first, last }
);

describe("decideReplay()", () => {
  test("reads behind what stays, of every partition that moved", () => {
    const table = facts([mark(0, 10n), mark(1, 5n)], [mark(0, 20n), mark(1, 5n), mark(2, 7n)], {
      rows: [row(0, 12n, 20n), row(2, 3n, 7n)],
    });
    const { partitions, refusals, version } = decideReplay({
      table,
      kafka: kafka([{}, {}, {}]),
      request,
    });
    expect([version, refusals]).toEqual([3, []]);
    expect(
      partitions.map((
        { partition, from, was, becomes, rows },
      ) => [partition, from, was, becomes, rows]),
    ).toEqual([[0, 11n, 20n, 10n, 9], [2, 3n, 7n, null, 5]]);
  });

  test("without a position before, what was asked for counts as well", () => {
    const table = facts([], [mark(0, 20n)], { base: { kind: "empty" }, rows: [row(0, 12n, 20n)] });
    const asked = { ...request, starts: starts(0, 4n) };
    const decided = decideReplay({ table, kafka: kafka([{}]), request: asked });
    expect([decided.version, decided.partitions[0]!.from]).toEqual([null, 4n]);
  });

  test("records that are gone but had no row here do not matter", () => {
    const table = facts([mark(0, 10n)], [mark(0, 20n)], { rows: [row(0, 15n, 20n)] });
    const { refusals, partitions } = decideReplay({
      table,
      kafka: kafka([{ logStart: 14n }]),
      request,
    });
    expect([refusals, partitions[0]!.from]).toEqual([[], 14n]);
  });

  const moved = [[mark(0, 10n)], [mark(0, 20n)]] as const;
  const file = checkAppId("p", id(0));
  const cases: readonly (readonly [
    string,
    Partial<{
      table: TableFacts;
      kafka: KafkaFacts;
      request: Partial<ReplayRequest>;
    }>,
    string,
  ])[] = [
    ["rows that Kafka no longer has", {
      table: facts(...moved, { rows: [row(0, 11n, 20n)] }),
      kafka: kafka([{ logStart: 15n }]),
    }, "begins at offset 15 by now, needed is 11 (4 fewer)"],
    ["an asked offset that is gone", {
      kafka: kafka([{ logStart: 15n }]),
      request: { starts: starts(0, 12n) },
    }, "needed is 12 (3 fewer)"],
    [
      "a log that ends before the table",
      { kafka: kafka([{ stableEnd: 20n }]) },
      "ends at offset 20",
    ],
    ["a topic that was made anew", { kafka: kafka([{}], "b".repeat(32)) }, "made anew"],
    ["a topic that is gone", { kafka: { topics: new Map(), logs: new Map() } }, "not in Kafka"],
    ["a partition that is gone", { kafka: kafka([]) }, "fewer partitions"],
    ["a file", {
      table: facts([], [mark(0, 20n), [file, 77n]]),
      kafka: { topics: new Map(), logs: new Map() },
    }, "came from a file"],
    ["another pipeline's table", {
      table: facts([], [mark(0, 20n, "other")], { base: { kind: "empty" } }),
    }, 'fed by pipeline "other"'],
    ["a table nobody feeds", { table: facts([], []) }, "no positions"],
    ["rows of another pipeline beside ours", {
      table: facts([mark(0, 10n)], [mark(0, 20n), mark(0, 3n, "other")]),
    }, 'rows of pipeline "other" would leave'],
    ["rows of another stream", {
      table: facts([mark(0, 10n)], [mark(0, 20n), ["spark", 3n]]),
    }, 'rows of stream "spark" would leave'],
    ["an append-only table", {
      table: facts(...moved, { newest: state(9, moved[1], true) }),
    }, "appendOnly"],
    ["a log that was cleaned up", {
      table: facts(...moved, { base: { kind: "unreachable", oldest: 7 } }),
    }, "7, has rows of the range"],
    [
      "vacuumed files",
      { table: facts(...moved, { restoreRefused: "a.parquet is gone" }) },
      "a.parquet",
    ],
    ["deletes of others", {
      table: facts(...moved, { undone: [{ version: 5, operation: "DELETE" }] }),
    }, "DELETE in version 5"],
    ["a version since which nothing came", {
      table: facts([mark(0, 20n)], [mark(0, 20n)]),
    }, "what the table has not yet, cdcdelta run reads"],
    ["an end before what the table has", {
      request: { ends: starts(0, 20n) },
    }, "--to ends"],
  ];
  test.each(cases)("refuses %s", (_name, given, expected) => {
    const { refusals } = decideReplay({
      table: given.table ?? facts(...moved),
      kafka: given.kafka ?? kafka([{}]),
      request: { ...request, ...given.request },
    });
    expect(refusals.join("\n")).toContain(expected);
  });

  test("an end at what the table has is no reason", () => {
    const asked = { ...request, ends: starts(0, 21n) };
    expect(decideReplay({ table: facts(...moved), kafka: kafka([{}]), request: asked }).refusals)
      .toEqual([]);
  });
});
