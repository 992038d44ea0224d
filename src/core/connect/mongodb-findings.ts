import { captureModeOf, configValue, wantsPreImages } from "./connector-config.ts";
import type { ConnectorConfig } from "./connect-types.ts";
import { type Finding, okay, problem, skipped, warning } from "./finding.ts";
import type { CapturedCollection, MongoFacts, MongoLook } from "./mongodb-facts.ts";

/** Below it, a weekend without Connect may cost a new snapshot. */
const oplogWindowMsMin = 24 * 3_600_000;

const subject = "mongodb";
const namesMax = 5;

/** What was seen of MongoDB, judged. Pure. */
export function mongoFindings(look: MongoLook, config: ConnectorConfig): Finding[] {
  switch (look.kind) {
    case "unknown":
      return [skipped(subject, `not looked at from here: ${look.reason}`)];
    case "unreachable":
      return [warning(
        subject,
        `cannot be reached from here, so nothing was checked there: ${look.reason}`,
        "no harm where only Connect can reach it; Connect's own validation says whether it does",
      )];
    case "facts":
      return factsFindings(look.facts, config);
  }
}

function factsFindings(facts: MongoFacts, config: ConnectorConfig): Finding[] {
  const { version, replicaSet, sharded, streamProblem } = facts;
  if (replicaSet === null && !sharded) {
    return [problem(
      subject,
      `MongoDB ${version} is a single server without a replica set: it has no change streams`,
      "start it with --replSet and run rs.initiate(); a set of one member is enough",
    )];
  }
  const what = sharded ? "sharded cluster (mongos)" : `replica set ${replicaSet}`;
  const found = [okay(subject, `MongoDB ${version}, ${what}`)];
  if (streamProblem !== null) {
    found.push(problem(
      "change stream",
      `cannot be opened with capture.scope=${
        configValue(config, "capture.scope", "deployment")
      }: ` +
        streamProblem,
      "grant the user changeStream and find on what is captured (readAnyDatabase for the whole " +
        "deployment), or narrow capture.scope",
    ));
  }
  found.push(...oplogFindings(facts), ...collectionFindings(facts, config));
  return found;
}

function oplogFindings({ oplogWindowMs, oplogProblem, sharded }: MongoFacts): Finding[] {
  if (sharded) return [skipped("oplog", "each shard has its own; not looked at through mongos")];
  if (oplogWindowMs === null) {
    const why = oplogProblem ?? "it is empty";
    return [
      skipped("oplog", `its window is not known: ${why}`, "grant read on the database local"),
    ];
  }
  const span = spanText(oplogWindowMs);
  if (oplogWindowMs >= oplogWindowMsMin) return [okay("oplog", `reaches back ${span}`)];
  // A young replica set has a short oplog however large it may grow.
  return [warning(
    "oplog",
    `reaches back only ${span}: a connector that is down for longer has to read everything again`,
    "let it grow: replSetResizeOplog with minRetentionHours; on a new replica set it grows by itself",
  )];
}

function collectionFindings(
  { captured }: MongoFacts,
  config: ConnectorConfig,
): Finding[] {
  if (captured === null) {
    return [skipped("collections", "cannot be listed", "grant the user listDatabases")];
  }
  if (captured.length === 0) {
    return [warning(
      "collections",
      "nothing is captured yet: no collection matches the include and exclude lists",
      "check collection.include.list (regular expressions that match the whole of db.collection); " +
        "collections that come later are captured too",
    )];
  }
  const found = [okay("collections", `${captured.length} captured: ${someNames(captured)}`)];
  const without = captured.filter(({ preImages }) => !preImages);
  const mode = captureModeOf(config);
  if (wantsPreImages(mode) && without.length > 0) {
    found.push(warning(
      "pre-images",
      `capture.mode=${mode} wants the document before each change, but ${without.length} of ` +
        `${captured.length} collections do not keep it: ${someNames(without)}`,
      "run collMod with changeStreamPreAndPostImages: { enabled: true } on each",
    ));
  }
  return found;
}

function someNames(collections: readonly CapturedCollection[]): string {
  const names = collections.slice(0, namesMax).map(({ name }) => name).join(", ");
  return collections.length > namesMax ? `${names}, …` : names;
}

/** `3.5 days`, `17 hours`, `40 minutes`. */
function spanText(ms: number): string {
  const minutes = ms / 60_000;
  if (minutes < 120) return `${Math.round(minutes)} minutes`;
  const hours = minutes / 60;
  return hours < 48 ? `${Math.round(hours)} hours` : `${(hours / 24).toFixed(1)} days`;
}
