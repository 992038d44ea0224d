import { readCondition } from "../../core/connect/snapshot-condition.ts";
import type { Problem } from "../settings/problem.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import { kebabCase } from "../settings/setting.ts";

type Options = Readonly<Record<string, unknown>>;

/** What `snapshot` needs beyond values that are valid one by one. Pure. */
export function snapshotRequirements(
  { values, origins }: Pick<ResolvedSettings, "values" | "origins">,
  options: Options,
  words: readonly string[],
): Problem[] {
  const problems: Problem[] = [];
  const verbs = ["status", "pause", "resume", "stop"].filter((verb) => options[verb] === true);
  if (verbs.length > 1) {
    problems.push({
      place: verbs.map((verb) => `--${verb}`).join(", "),
      message: "are different things to do",
      fix: "ask for one of them at a time",
    });
  }
  const [verb] = verbs;
  if (verb === undefined && words.length === 0) {
    problems.push({
      place: "[db.coll…]",
      message: "is missing: there is nothing to read again",
      fix: "write cdcdelta snapshot and one or several db.collection, or --status",
    });
  }
  for (const word of words) problems.push(...nameProblems(word));
  if (verb !== undefined) problems.push(...uselessFlags(verb, { options, words }));
  for (const text of wheres(options)) {
    const reading = readCondition(text, words);
    if (verb !== undefined || words.length === 0 || reading.kind === "condition") continue;
    const { message, fix } = reading;
    problems.push({ place: "--where", message, fix });
  }
  const servers = origins.get("kafkaBootstrapServers");
  if (values.kafkaBootstrapServers === null && (servers?.kind ?? "default") === "default") {
    problems.push({
      place: "--kafka-bootstrap-servers",
      message: "is missing: signals and notifications go through Kafka",
      fix: "write --kafka-bootstrap-servers host:port, or set KAFKA_BOOTSTRAP_SERVERS",
    });
  }
  return problems;
}

function nameProblems(word: string): Problem[] {
  const dot = word.indexOf(".");
  if (dot > 0 && dot < word.length - 1 && !/[\s,]/.test(word)) return [];
  return [{
    place: `"${word}"`,
    message: "is no collection",
    fix: "write its database and name, as in shop.orders; patterns are not taken",
  }];
}

/** Flags that say something about a snapshot that is asked for. */
function uselessFlags(
  verb: string,
  { options, words }: { readonly options: Options; readonly words: readonly string[] },
): Problem[] {
  const given = [
    ...(wheres(options).length > 0 ? ["where"] : []),
    ...(options["type"] === "blocking" ? ["type"] : []),
  ].map((key) => `--${kebabCase(key)}`);
  const problems = given.map((place) => ({
    place,
    message: `belongs to a new snapshot, not to --${verb}`,
    fix: "remove it",
  }));
  if (words.length === 0 || verb === "status" || verb === "stop") return problems;
  const message = `--${verb} concerns the whole incremental snapshot`;
  return [...problems, { place: words.join(" "), message, fix: "name no collection" }];
}

function wheres(options: Options): readonly string[] {
  const { where } = options;
  return Array.isArray(where) ? where.map(String) : [];
}
