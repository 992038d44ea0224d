import { formatByteSize, formatDuration, parseByteSize, parseDuration } from "./units.ts";
import { invalid, ok, quote, type ValueType, valueType } from "./value-type.ts";

type Range = { readonly min: number; readonly max: number; readonly example: string };

/** Any text but the empty one. */
export function text(options: { placeholder: string; form: string }): ValueType<string> {
  return valueType<string>({
    ...options,
    read: (input) => {
      if (typeof input === "number") return ok(String(input));
      if (typeof input !== "string") return invalid(`${quote(input)} is not text`, "write text");
      return input.trim() === "" ? invalid("the value is empty", "write a value") : ok(input);
    },
    show: (value) => value,
  });
}

/** A whole number within bounds, `_` and `,` allowed between digits. */
export function wholeNumber(options: Range & { placeholder: string }): ValueType<number> {
  const { min, max, example, placeholder } = options;
  return valueType<number>({
    placeholder,
    form: `whole number from ${min}`,
    read: (input) => {
      const fix = `write a whole number from ${min} to ${max}, for example ${example}`;
      const value = typeof input === "string" && /^\d{1,3}([_,]?\d{3})*$|^\d+$/.test(input.trim())
        ? Number(input.replace(/[_,]/g, ""))
        : input;
      if (typeof value !== "number" || !Number.isSafeInteger(value)) {
        return invalid(`${quote(input)} is not a whole number`, fix);
      }
      if (value < min || value > max) return invalid(`${value} is out of range`, fix);
      return ok(value);
    },
    show: (value) => value,
  });
}

/** Bytes: `64MiB`, `1.5GB`, or a bare number. */
export function byteSize(range: Range): ValueType<number> {
  return valueType<number>({
    placeholder: "<size>",
    form: "size: `64MiB`, `1.5GB` or bytes",
    read: (input) => {
      const fix = `write a size such as ${range.example}, at least ${formatByteSize(range.min)}`;
      const bytes = typeof input === "number" || typeof input === "string"
        ? parseByteSize(String(input))
        : null;
      if (bytes === null) return invalid(`${quote(input)} is not a size`, fix);
      if (bytes < range.min || bytes > range.max) {
        return invalid(`${quote(input)} is out of range`, fix);
      }
      return ok(bytes);
    },
    show: formatByteSize,
  });
}

/** Milliseconds: `10s`, `500ms`, `1m30s`. A bare number is refused: nobody can know its unit. */
export function duration(range: Range): ValueType<number> {
  return valueType<number>({
    placeholder: "<duration>",
    form: "duration: `500ms`, `10s`, `5m`, `1h`",
    read: (input) => {
      const ms = typeof input === "string" ? parseDuration(input) : input === 0 ? 0 : null;
      const fix = `write a duration such as ${range.example}`;
      if (ms === null) {
        const bare = /^\d+(\.\d+)?$/.test(String(input).trim());
        const problem = bare ? "has no unit (ms, s, m, h or d)" : "is not a duration";
        return invalid(`${quote(input)} ${problem}`, fix);
      }
      if (ms < range.min || ms > range.max) {
        const bounds = `${formatDuration(range.min)} to ${formatDuration(range.max)}`;
        return invalid(`${quote(input)} is out of range`, `${fix}, from ${bounds}`);
      }
      return ok(ms);
    },
    show: formatDuration,
  });
}

/** On or off. */
export function toggle(): ValueType<boolean> {
  const words: Readonly<Record<string, boolean>> = {
    true: true,
    yes: true,
    on: true,
    1: true,
    false: false,
    no: false,
    off: false,
    0: false,
  };
  return valueType<boolean>({
    placeholder: "",
    form: "`true` or `false`",
    arity: "toggle",
    read: (input) => {
      const value = words[String(input).trim().toLowerCase()];
      return value === undefined
        ? invalid(`${quote(input)} is neither true nor false`, "write true or false")
        : ok(value);
    },
    show: (value) => value,
  });
}

/** One of some words. */
export function choice<const W extends string>(
  words: readonly W[],
  placeholder = `<${words.join("|")}>`,
): ValueType<W> {
  return valueType<W>({
    placeholder,
    form: words.map((word) => `\`${word}\``).join(", "),
    read: (input) => {
      const found = words.find((word) => word === input);
      if (found !== undefined) return ok(found);
      return invalid(`${quote(input)} is not one of ${words.join(", ")}`, `write ${orList(words)}`);
    },
    show: (value) => value,
  });
}

/** `auto`, or a value of another type. */
export function autoOr<T>(type: ValueType<T>): ValueType<T | "auto"> {
  return valueType<T | "auto">({
    placeholder: type.placeholder.replace(/>$/, "|auto>"),
    form: `\`auto\`, or ${type.form}`,
    read: (input) => {
      if (input === "auto") return ok<T | "auto">("auto");
      const result = type.schema.safeParse(input);
      if (result.success) return ok<T | "auto">(result.data);
      const issue = result.error.issues[0];
      return invalid(issue?.message ?? "not valid", `${fixOf(issue)}, or auto`);
    },
    show: (value) => value === "auto" ? "auto" : type.show(value),
  });
}

/** The fix that a value type put into a zod issue; a general one for zod's own issues. */
export function fixOf(issue: unknown): string {
  if (typeof issue === "object" && issue !== null && "params" in issue) {
    const { params } = issue;
    if (typeof params === "object" && params !== null && "fix" in params) return String(params.fix);
  }
  return "correct the value";
}

/** `a, b or c`. */
export function orList(words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} or ${last}`;
}
