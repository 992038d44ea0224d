import type { ReplayPoint } from "../../core/replay/replay-range.ts";
import type { Problem } from "../settings/problem.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";

/** What a replay needs to be told. Pure. */
export function replayRequirements(
  { values, origins }: Pick<ResolvedSettings, "values" | "origins">,
  options: Readonly<Record<string, unknown>>,
): Problem[] {
  const problems: Problem[] = [];
  const missing = (place: string, message: string, fix: string): void => {
    problems.push({ place, message: `is missing: ${message}`, fix });
  };
  const { from, to, into, collection, compare } = options;
  if (from === null) {
    missing(
      "--from",
      "it is not said where the range begins",
      "write offset:<topic>:<partition>:<offset>, timestamp:<time> or version:<v>",
    );
  }
  if (into === null) {
    missing("--into", "it is not said where rows go", "write same, or the path of another table");
  }
  if (values.basePath === null && origins.get("basePath")?.kind === "default") {
    missing(
      "--base-path",
      "it is not known where the tables lie",
      "write --base-path with a folder or s3://bucket/prefix, or set DELTA_TABLE_BASE_PATH",
    );
  }
  if (values.kafkaBootstrapServers === null) {
    missing(
      "KAFKA_BOOTSTRAP_SERVERS",
      "only what Kafka has can be replayed; of a file, run it again into a new table",
      "set it to host:port of a broker, or write --kafka-bootstrap-servers",
    );
  }
  const one = Array.isArray(collection) && collection.length === 1;
  const byVersion = [from, to].some((point) => (point as ReplayPoint | null)?.kind === "version");
  if (!one && byVersion) {
    missing(
      "--collection",
      "a version is that of one table",
      "write --collection with the collection whose table is meant",
    );
  } else if (!one && into !== null && into !== "same") {
    missing(
      "--collection",
      "a shadow table takes the rows of one collection",
      "write --collection with that collection",
    );
  }
  if (compare === true && into === "same") {
    problems.push({
      place: "--compare",
      message: "compares a table with another one",
      fix: "write --into with the path of a shadow table, or remove --compare",
    });
  }
  return problems;
}
