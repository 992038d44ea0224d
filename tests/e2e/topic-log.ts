import { spawn } from "node:child_process";
import { homedir } from "node:os";
import path from "node:path";
import process from "node:process";

/** A record as Kafka's own consumer read it. */
export type TopicRecord = {
  readonly partition: number;
  readonly offset: bigint;
  readonly key: string | null;
  readonly value: string | null;
};

/** What Kafka's own console consumer reads of some topics, committed records only. */
export type TopicLog = {
  /** Everything read so far, in order of arrival. */
  records(): readonly TopicRecord[];
  stop(): Promise<void>;
};

const nothing = "<nothing>";

const operations: Readonly<Record<string, string>> = {
  c: "insert",
  u: "update",
  d: "delete",
  r: "read",
};

/** Follows all topics whose names match, from their beginning, those that come later as well. */
export function followTopics(broker: string, include: string): TopicLog {
  const cache = process.env["CDCDELTA_CACHE"] ?? path.join(homedir(), ".cache", "cdcdelta");
  const show = (property: string): string => `--formatter-property=${property}`;
  const child = spawn("java", [
    "-Xmx128m",
    "-cp",
    path.join(cache, "kafka", "*"),
    "org.apache.kafka.tools.consumer.ConsoleConsumer",
    `--bootstrap-server=${broker}`,
    `--include=${include}`,
    "--from-beginning",
    "--isolation-level=read_committed",
    "--command-property=metadata.max.age.ms=500",
    show("print.partition=true"),
    show("print.offset=true"),
    show("print.key=true"),
    show("key.separator=\t"),
    show(`null.literal=${nothing}`),
  ], { stdio: ["ignore", "pipe", "ignore"] });
  const records: TopicRecord[] = [];
  // The consumer starts again at its last commit when a topic joins: it says things twice.
  const said = new Set<string>();
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (said.has(line)) continue;
      said.add(line);
      records.push(parseRecord(line));
    }
  });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  return {
    records: () => records,
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Events of a collection among the records read so far. */
export function changesOf(
  topics: TopicLog,
  collection: string,
): { readonly partition: number; readonly offset: bigint; readonly operation: string }[] {
  return topics.records().flatMap(({ partition, offset, value }) => {
    if (value === null) return [];
    const event = JSON.parse(value.replaceAll(/\b-?(?:NaN|Infinity)\b/g, "null")) as {
      readonly op?: string;
      readonly source?: { readonly collection?: string };
    };
    const operation = operations[event.op ?? ""];
    if (operation === undefined || event.source?.collection !== collection) return [];
    return [{ partition, offset, operation }];
  });
}

function parseRecord(line: string): TopicRecord {
  const [, partition, offset, key = "", value = ""] =
    /^Partition:(\d+)\tOffset:(\d+)\t([^\t]*)\t(.*)$/.exec(line) ?? [];
  if (partition === undefined || offset === undefined) throw new Error(`not a record: ${line}`);
  return {
    partition: Number(partition),
    offset: BigInt(offset),
    key: key === nothing ? null : key,
    value: value === nothing ? null : value,
  };
}
