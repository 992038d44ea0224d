import { text } from "./basic-types.ts";
import { readPairs } from "./list-types.ts";
import { setting } from "./setting.ts";
import { invalid, ok, type ValueType, valueType } from "./value-type.ts";

const sparkCommands = ["optimize", "vacuum", "restore"] as const;

const none: Readonly<Record<string, string>> = {};

/** How tables too big for one machine reach a Spark cluster (`--engine spark`). */
export const sparkSettings = {
  sparkSql: setting({
    type: text({ placeholder: "<command>", form: "a command or its path" }),
    default: null,
    defaultText: "`$SPARK_HOME/bin/spark-sql`, else `spark-sql`",
    env: [{ name: "SPARK_SQL" }],
    group: "Spark",
    description: "Spark's spark-sql, which --engine spark starts",
    commands: [...sparkCommands],
  }),
  sparkConf: setting({
    type: sparkConf(),
    default: none,
    defaultText: "none",
    group: "Spark",
    description: "Configuration that spark-sql gets beside its own: spark.master, " +
      "spark.jars.packages and the like; --engine spark adds Delta's extension and catalog",
    commands: [...sparkCommands],
  }),
} as const;

/** `name=value`, once a flag; a value may hold commas, as lists of jars do. */
function sparkConf(): ValueType<Readonly<Record<string, string>>> {
  return valueType<Readonly<Record<string, string>>>({
    placeholder: "<name=value>",
    form: "`spark.name=value`; in a file a mapping",
    arity: "repeatable",
    read: (input) => {
      const lines = typeof input === "string" ? input.split("\n") : input;
      const pairs = Array.isArray(lines) ? wholePairs(lines.map(String)) : readPairs(lines);
      if (pairs.kind === "invalid") return pairs;
      const wrong = pairs.value.find(([name]) => !name.startsWith("spark."));
      if (wrong !== undefined) {
        return invalid(`"${wrong[0]}" is no configuration of Spark`, `write spark.${wrong[0]}`);
      }
      return ok(Object.fromEntries(pairs.value.map(([name, value]) => [name, String(value)])));
    },
    show: (value) => ({ ...value }),
  });
}

function wholePairs(lines: readonly string[]): ReturnType<typeof readPairs> {
  const pairs: [string, string][] = [];
  for (const line of lines.filter((each) => each.trim() !== "")) {
    const equals = line.indexOf("=");
    if (equals < 1) return invalid(`"${line}" is not name=value`, "write name=value");
    pairs.push([line.slice(0, equals).trim(), line.slice(equals + 1).trim()]);
  }
  return ok(pairs);
}
