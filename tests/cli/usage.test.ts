import { describe, expect, test } from "bun:test";
import { commandSpecs } from "../../src/cli/command-specs.ts";
import { parseArgv } from "../../src/cli/parse-argv.ts";
import { productVersion } from "../../src/delta/log/engine-info.ts";
import packageJson from "../../package.json" with { type: "json" };
import { cli } from "./fake-world.ts";

/** Command line → exit code 2, and what standard error must say. */
const wrong: readonly (readonly [line: string, ...said: RegExp[]])[] = [
  ["", /no command/, /cdcdelta --help/],
  ["confg", /unknown command "confg"/, /did you mean config\?/],
  ["inpsect x", /did you mean inspect\?/],
  ["frobnicate", /unknown command "frobnicate"/],
  ["help frobnicate", /unknown command "frobnicate"/],
  ["help inspct", /did you mean inspect\?/],
  ["--verbose run", /--verbose: unknown flag/],
  ["--verison", /did you mean --version\?/],
  ["run", /--source: is missing/, /--base-path: is missing/],
  ["run --source", /--source: has no value/],
  ["run --source --base-path x", /--source: has no value: another flag follows/],
  ["run --source a --base-path b c", /"c" belongs to no flag/],
  ["run --sorce a --base-path b", /--sorce: unknown flag of run/, /did you mean --source\?/],
  ["run --source a --base-path b --flush-rows=0", /--flush-rows: 0 is out of range/],
  ["run --source a --base-path b --flush-rows -5", /--flush-rows: "-5" is not a whole number/],
  ["run --source a --base-path b --flush-interval 10", /"10" has no unit/],
  ["run --source a --base-path b --flush-bytes big", /"big" is not a size/],
  ["run --source a --base-path b --workers many", /not a whole number/, /or auto/],
  ["run --source a --base-path b --widen maybe", /write rewrite, feature or off/],
  ["run --source a --base-path b --format yaml", /--format: "yaml" is not one of table, json/],
  ["run --source a --base-path b --plan=yes", /--plan: takes no value/],
  ["run --source a --base-path b --plan --follow", /--plan: cannot be used with --follow/],
  ["run --source - --base-path b --follow", /--follow: means nothing for standard input/],
  ["run --source a --base-path ''", /--base-path: "" is not a location/],
  ["run --source a --base-path gs://b/c", /no store for "gs:/],
  ["run --source a --base-path b --table-path {base}/{tbl}", /unknown placeholder \{tbl\}/],
  ["run --source a --base-path b --column-type price=money", /"money" is not a column type/],
  ["run --source a --base-path b --property x=1", /"x" is not a table property/],
  [
    "run --source a --base-path b --property delta.enableChangeDataFeed=true",
    /"delta.enableChangeDataFeed" is not a property that cdcdelta can set/,
    /these can be set: delta.appendOnly, .*delta.logRetentionDuration/,
  ],
  [
    "run --source a --base-path b --property delta.parquet.compression.codec=snappy",
    /must be zstd, the only codec that cdcdelta writes: it is "snappy"/,
  ],
  ["run --source a --base-path b --config /nowhere/c.yaml", /\/nowhere\/c\.yaml: the config file/],
  ["run --source a --base-path b --log-level loud", /--log-level: "loud" is not one of/],
  ["inspect", /<table>: is missing/],
  ["inspect a b", /"b" belongs to no flag/],
  ["inspect a --histroy", /did you mean --history\?/],
  ["inspect a --version", /--version: has no value/],
  ["inspect a --version x", /--version: "x" is not a whole number/],
  ["inspect a --version -1", /--version/],
  ["inspect a --timestamp yesterday", /--timestamp: "yesterday" is not a time/],
  ["inspect a --timestamp 2026-13-01", /not a time/],
  ["inspect a --version 1 --timestamp 2026-01-01", /--version, --timestamp: both say/],
  ["inspect a --history --files", /--history, --files: show different things/],
  ["inspect a --rows some", /--rows: "some" is no number/],
  ["inspect a --rows 5 --limit 3", /--limit: limits --history, --files and --changes only/],
  ["inspect a --ddl oracle", /write spark or duckdb/],
  ["inspect a --ddl spark --format json", /--format: statements have no other form/],
  ["inspect a --ddl spark --version 0", /--version: the statements register the table, which/],
  ["inspect a --ddl duckdb --timestamp 2026-01-01", /--timestamp: the statements register/],
  ["inspect a --format csv", /csv is for lists/],
  ["inspect gs://a/b", /gs:/],
  ["config --format csv", /--format: "csv" is not one of table, json/],
  ["config x", /"x" belongs to no flag/],
];

function words(line: string): string[] {
  return line.split(" ").filter((word) => word !== "").map((word) => word === "''" ? "" : word);
}

/** Enough to read from Kafka. */
const kafka = { KAFKA_BOOTSTRAP_SERVERS: "a:1", KAFKA_TOPIC_PATTERN: "a" };

describe("wrong usage", () => {
  test.each(wrong)("cdcdelta %s", async (line, ...said) => {
    const { code, stdout, stderr } = await cli(words(line));
    expect(stderr).toMatch(/^cdcdelta: /);
    for (const pattern of said) expect(stderr).toMatch(pattern);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  test("all problems come at once, whatever their place", async () => {
    const { code, stderr } = await cli(
      words("run --sorce a --flush-rows x --format yaml --config /nowhere.yaml"),
      { env: { DELTA_BATCH_TIMEOUT_MS: "soon", MINIO_ACCESS_KEY: "k" } },
    );
    expect(code).toBe(2);
    const places = ["--sorce:", "--flush-rows:", "--format:", "/nowhere.yaml:"];
    places.push("DELTA_BATCH_TIMEOUT_MS:", "MINIO_ACCESS_KEY:", "--base-path:");
    for (const place of places) expect(stderr).toContain(`  ${place}`);
    // Each problem has its fix on the next line.
    const lines = stderr.trimEnd().split("\n").slice(1);
    for (let i = 0; i < lines.length; i += 2) {
      expect(lines[i]).toMatch(/^ {2}\S/);
      expect(lines[i + 1]).toMatch(/^ {6}\S/);
    }
  });

  test("a setting that is not valid is not called missing as well", async () => {
    const { stderr } = await cli(words("run --source a --base-path gs://b/c"));
    expect(stderr).toContain("1 problem with");
  });

  test.each<[string, Readonly<Record<string, string>>, RegExp]>([
    ["", {}, /--source: is missing: there is nothing to read\n.*KAFKA_TOPIC_PATTERN/],
    ["", { KAFKA_TOPIC_PATTERN: "a" }, /KAFKA_BOOTSTRAP_SERVERS: is missing/],
    ["", { KAFKA_BOOTSTRAP_SERVERS: "a:1" }, /KAFKA_TOPIC_PATTERN: is missing/],
    ["--follow", kafka, /--follow: is for files/],
    ["--source-id a", kafka, /--source-id: is for files/],
    ["--source a --until-latest", kafka, /--until-latest: is for Kafka/],
    ["--source a --follow --plan", {}, /--plan: cannot be used with --follow/],
    ["", { ...kafka, KAFKA_BOOTSTRAP_SERVERS: "a" }, /"a" is not host:port/],
    ["", { ...kafka, KAFKA_BOOTSTRAP_SERVERS: "SSL://a:1" }, /has a scheme/],
    ["", { ...kafka, KAFKA_SECURITY_PROTOCOL: "SASL_SSL" }, /no SASL mechanism is set/],
    ["--http-port 70000", kafka, /--http-port: "70000" is not a port/],
  ])("run %s with %j says what is wrong", async (flags, env, problem) => {
    const { code, stderr } = await cli(words(`run --base-path x ${flags}`.trim()), { env });
    expect([code, stderr]).toEqual([2, expect.stringMatching(problem)]);
    expect(stderr).toContain("1 problem with");
  });

  test("settings of Kafka that do not fit together are no matter of other commands", async () => {
    const env = { KAFKA_SECURITY_PROTOCOL: "SASL_SSL" };
    const { stderr } = await cli(["inspect", "./nowhere"], { env });
    expect(stderr).not.toContain("SASL");
  });
});

describe("help", () => {
  test("goes to standard output and exits with 0", async () => {
    for (const line of ["--help", "-h", "help", "run --help", "help run", "inspect -h"]) {
      const { code, stdout, stderr } = await cli(words(line));
      expect([line, code, stderr]).toEqual([line, 0, ""]);
      expect(stdout).toContain("Usage: cdcdelta");
      expect(stdout).toContain("Exit status:");
    }
  });

  test("of every command shows its examples and fits 100 columns", async () => {
    for (const { name, examples } of commandSpecs) {
      const { stdout } = await cli([name, "--help"]);
      for (const [example] of examples) expect(stdout).toContain(example);
      const long = stdout.split("\n").filter((line) => line.length > 100);
      expect(long).toEqual([]);
    }
  });

  test("examples are valid command lines", async () => {
    for (const [line] of commandSpecs.flatMap(({ examples }) => examples)) {
      const text = line.slice(line.indexOf("cdcdelta ") + "cdcdelta ".length);
      // As a shell takes them apart.
      const own = (text.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ""));
      const env = { ...kafka, DELTA_TABLE_BASE_PATH: "x" };
      const { code, stderr } = await cli([...own, "--log-level", "loud"], { env });
      // The one problem is the one put in here; a file named by an example need not exist.
      const others = stderr.split("\n").filter((each) => /^ {2}\S/.test(each))
        .filter((each) => !/--log-level|cdcdelta\.yaml/.test(each));
      expect([line, others, code]).toEqual([line, [], 2]);
    }
  });
});

describe("--json", () => {
  test("is --format json wherever there is a --format", () => {
    for (const { name, options } of commandSpecs) {
      expect([name, "json" in options]).toEqual([name, "format" in options]);
    }
    for (const { name, options, argument } of commandSpecs.filter((one) => "json" in one.options)) {
      const given = argument?.arity === "one" ? [name, "x"] : [name];
      const read = parseArgv([...given, "--json"]);
      expect(read).toMatchObject({ kind: "command", options: { format: "json" }, problems: [] });
      const both = parseArgv([...given, "--json", "--format", "json"]);
      expect(both).toMatchObject({ options: { format: "json" }, problems: [] });
      expect(options["format"]!.default).toBe("table");
    }
  });

  test("is refused beside another form", () => {
    const read = parseArgv(["inspect", "x", "--rows", "1", "--format", "csv", "--json"]);
    expect(read).toMatchObject({
      problems: [{ place: "--json", message: "contradicts --format csv" }],
    });
  });
});

describe("a flag that cannot be read has one problem", () => {
  const replay = "replay --base-path b --kafka-bootstrap-servers k:1";
  test.each([
    [`${replay} --into same --from offset:t:0`, "--from"],
    [`${replay} --into same --from timestamp:soon`, "--from"],
    [`${replay} --into same --from version:x --collection a.b`, "--from"],
    [`${replay} --into same --form version:1 --collection a.b`, "--form"],
    [`${replay} --into '' --from version:1 --collection a.b`, "--into"],
    ["restore x --version one", "--version"],
    ["restore x --timestamp soon", "--timestamp"],
    ["inspect x --changes a --columns b", "--changes"],
    ["inspect x --version one --timestamp 2026-01-01", "--version"],
  ])("%s", async (line, flag) => {
    const { code, stderr } = await cli(words(line));
    const problems = stderr.split("\n").filter((each) => /^ {2}\S/.test(each));
    expect([code, problems.length]).toEqual([2, 1]);
    expect(problems[0]).toContain(`${flag}:`);
  });
});

test("--version prints the version of package.json", async () => {
  for (const flag of ["--version", "-V"]) {
    expect(await cli([flag])).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: "" });
  }
  expect(productVersion).toBe(packageJson.version);
});
