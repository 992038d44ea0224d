import { type FollowOutcome, followSnapshot } from "../../core/connect/follow-snapshot.ts";
import type { SnapshotCondition } from "../../core/connect/signal.ts";
import { readCondition } from "../../core/connect/snapshot-condition.ts";
import {
  runningProblems,
  snapshotProblems,
  topicOf,
} from "../../core/connect/snapshot-connector.ts";
import type { SnapshotRequest } from "../../core/connect/snapshot-progress.ts";
import { endsOf, waitForSink } from "../../core/connect/sink-progress.ts";
import { unansweredText } from "../../core/connect/unanswered.ts";
import { CdcDeltaError } from "../../errors.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { isDone, resultJson, resultText, type SnapshotResult } from "./snapshot-result.ts";
import { followable, lookAgain, type SnapshotSession } from "./snapshot-session.ts";
import { emptyText } from "./snapshot-lines.ts";
import { type SnapshotTeller, snapshotTeller } from "./snapshot-teller.ts";
import { emptyCollections } from "./snapshot-view.ts";

/** Asks for a snapshot and follows it into the tables. Errors: `connect`, `kafka`. */
export async function askSnapshot(session: SnapshotSession): Promise<ExitCode> {
  const { options, collections, clock, random, target, world } = session;
  const channels = followable(target);
  const conditions = conditionsOf(session);
  const id = random.uuid();
  const { topicPrefix } = channels;
  const request = { id, type: options.type, collections, connector: topicPrefix };
  assertPossible(session, request);
  const topics = topicsOf(session);
  const startedMs = clock.nowMs();
  const teller = snapshotTeller(world, {
    id,
    collections,
    json: options.format === "json",
    nowMs: () => clock.nowMs(),
  });
  try {
    if (target.unasked !== null) {
      teller.say(`${target.unasked}: whether the connector runs and captures is not checked`);
    }
    const until = await follow(session, { request, conditions, topics, teller });
    const view = teller.view();
    const result: SnapshotResult = {
      id,
      type: options.type,
      view,
      until,
      elapsedMs: clock.nowMs() - startedMs,
    };
    for (const each of until === "answer" ? [] : emptyCollections(view)) {
      const limited = conditions.some(({ collection }) => collection === each);
      teller.say(emptyText(each, { limited }));
    }
    await teller.stop();
    await world.stdout.write(options.format === "json" ? resultJson(result) : resultText(result));
    return isDone(result) ? exitCodes.done : exitCodes.failed;
  } finally {
    await teller.stop();
  }
}

type Following = {
  readonly request: SnapshotRequest;
  readonly conditions: readonly SnapshotCondition[];
  readonly topics: ReadonlyMap<string, string>;
  readonly teller: SnapshotTeller;
};

async function follow(
  session: SnapshotSession,
  { request, conditions, topics, teller }: Following,
): Promise<SnapshotResult["until"]> {
  const { client, clock, options, target, signal } = session;
  const answered = new AbortController();
  const following = AbortSignal.any([signal, answered.signal]);
  let outcome: FollowOutcome;
  try {
    outcome = await followSnapshot({ client, clock }, {
      request,
      conditions,
      channels: followable(target),
      topics,
      answerMsMax: options.timeout,
      check: () => assertRuns(session),
      observe: (event) => {
        teller.observe(event);
        if (event.kind === "answered" && !options.wait) answered.abort();
      },
      signal: following,
    });
  } catch (error) {
    if (answered.signal.aborted && !signal.aborted) return "answer";
    throw error;
  }
  if (outcome.kind === "unanswered") {
    const connector = await lookAgain(session, signal);
    const { others, unreadable } = outcome;
    const { channels } = target;
    const waitedMs = options.timeout;
    throw new CdcDeltaError(
      "connect",
      unansweredText({ request, channels, connector, waitedMs, others, unreadable }),
      { context: { signal: request.id } },
    );
  }
  const failed = [...outcome.progress.collections.values()].some(({ kind }) => kind === "failed");
  if (failed) return "kafka";
  if (!options.wait) return "answer";
  await intoTables(session, { topics, teller });
  return "tables";
}

/** Waits until the sink has committed all that is in the collections' topics now. */
async function intoTables(
  { client, clock, values, options, signal }: SnapshotSession,
  { topics, teller }: Pick<Following, "topics" | "teller">,
): Promise<void> {
  const goals = await endsOf(client, [...new Set(topics.values())], { signal });
  for (const [collection, topic] of topics) {
    if (goals.some((goal) => goal.topic === topic)) continue;
    const view = teller.view().collections.find((each) => each.collection === collection);
    const empty = view?.state.kind === "scanned" && (view.state.rows ?? 0n) === 0n;
    if (empty) continue;
    throw new CdcDeltaError(
      "kafka",
      `${collection} was read but there is nothing in its topic ${topic}: a transform of the ` +
        "connector may rename it. The rows cannot be followed; --no-wait does without",
      { context: { topic } },
    );
  }
  if (goals.length === 0) return;
  const groupId = values.kafkaConsumerGroup;
  await waitForSink({ client, clock }, {
    groupId,
    goals,
    stillMsMax: options.sinkTimeout,
    observe: (progress) => teller.observeSink(groupId, progress),
    signal,
  });
}

/** Refuses what cannot work before anything is sent. Errors: `connect`. */
function assertPossible(
  { target, values, options, collections }: SnapshotSession,
  request: SnapshotRequest,
): void {
  const problems = target.connector === null ? [] : snapshotProblems(target.connector, request);
  const pattern = values.kafkaTopicPattern;
  if (options.wait && pattern !== null) {
    const regex = new RegExp(`^(?:${pattern})$`, "u");
    for (const [collection, topic] of topicsOf({ target, collections })) {
      if (regex.test(topic)) continue;
      problems.push({
        message: `the rows of ${collection} go to the topic ${topic}, which KAFKA_TOPIC_PATTERN ` +
          `(${pattern}) leaves out`,
        fix: "add it to the pattern of cdcdelta run, or write --no-wait",
      });
    }
  }
  if (problems.length === 0) return;
  const lines = problems.map(({ message, fix }) => `  - ${message}\n      ${fix}`);
  throw new CdcDeltaError(
    "connect",
    `Cannot take this snapshot; no signal was sent:\n${lines.join("\n")}`,
  );
}

/** A snapshot whose task has failed goes no further. Errors: `connect`. */
async function assertRuns(session: SnapshotSession): Promise<void> {
  const connector = await lookAgain(session, session.signal);
  if (connector === null) return;
  const [problem] = runningProblems(connector);
  if (problem === undefined || connector.status?.state === "PAUSED") return;
  const failed = connector.status?.state === "FAILED" ||
    connector.status?.tasks.some(({ state }) => state === "FAILED") === true;
  if (!failed) return;
  throw new CdcDeltaError(
    "connect",
    `The snapshot does not go on: ${problem.message}: ${problem.fix}`,
    { context: { connector: connector.name } },
  );
}

function topicsOf(
  { target, collections }: Pick<SnapshotSession, "target" | "collections">,
): ReadonlyMap<string, string> {
  const { topicPrefix } = target.channels;
  const delimiter = target.connector?.config["topic.delimiter"] ?? ".";
  return new Map(collections.map((each) => [each, topicOf(each, { topicPrefix, delimiter })]));
}

/** The conditions of `--where`, which were found valid with the command line. */
function conditionsOf({ options, collections }: SnapshotSession): SnapshotCondition[] {
  return (options.where ?? []).map((text) => {
    const reading = readCondition(text, collections);
    if (reading.kind === "condition") return reading.condition;
    throw new CdcDeltaError("usage", `--where ${reading.message}: ${reading.fix}`);
  });
}
