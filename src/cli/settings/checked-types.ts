import { parseTableUri } from "../../delta/storage/table-uri.ts";
import { messageOf } from "../../errors.ts";
import { orList } from "./basic-types.ts";
import { invalid, ok, quote, type ValueType, valueType } from "./value-type.ts";

/** Placeholders of a table path. */
export const tablePathPlaceholders = ["base", "db", "collection"] as const;

/** A regular expression that matches whole names; kept as text. */
export function topicPattern(): ValueType<string> {
  return valueType<string>({
    placeholder: "<regex>",
    form: "regular expression",
    read: (input) => {
      if (typeof input !== "string" || input === "") {
        return invalid(`${quote(input)} is not a pattern`, "write a regular expression");
      }
      const problem = regexProblem(input);
      return problem === null
        ? ok(input)
        : invalid(`${quote(input)} is not a regular expression: ${problem}`, "correct the pattern");
    },
    show: (value) => value,
  });
}

/** Why a text is no regular expression; null when it is one. */
export function regexProblem(pattern: string): string | null {
  try {
    return new RegExp(pattern, "u") instanceof RegExp ? null : "not a pattern";
  } catch (error) {
    return messageOf(error).replace(/^Invalid regular expression: /, "");
  }
}

/** A local path, `file:` URI, or `s3://bucket/prefix`. */
export function location(): ValueType<string> {
  return valueType<string>({
    placeholder: "<uri>",
    form: "a path, `file:///path`, or `s3://bucket/prefix`",
    read: (input) => {
      const fix = "write a local path, file:///path, or s3://bucket/prefix";
      if (typeof input !== "string" || input.trim() === "") {
        return invalid(`${quote(input)} is not a location`, fix);
      }
      try {
        parseTableUri(input);
        return ok(input.replace(/^s3a:/i, "s3:"));
      } catch (error) {
        // The store's words, without those that only repeat what a problem's place and fix say.
        const why = messageOf(error).replace(/^Cannot use .* as a table location: /, "");
        return invalid(
          `${quote(input)} is not a location: ${why.replace(/\. Give a .*$/, "")}`,
          fix,
        );
      }
    },
    show: (value) => value,
  });
}

/** The template of a table's location. */
export function tablePathTemplate(): ValueType<string> {
  return valueType<string>({
    placeholder: "<template>",
    form: "a location with `{base}`, `{db}`, `{collection}`",
    read: (input) => {
      const fix = "write a template such as {base}/{db}/{collection}";
      if (typeof input !== "string" || input.trim() === "") {
        return invalid(`${quote(input)} is not a table path`, fix);
      }
      for (const [whole, name = ""] of input.matchAll(/\{([^{}]*)\}/g)) {
        if (!tablePathPlaceholders.some((known) => known === name)) {
          const known = orList(tablePathPlaceholders.map((each) => `{${each}}`));
          return invalid(`${quote(input)} has the unknown placeholder ${whole}`, `use ${known}`);
        }
      }
      const braces = input.replace(/\{(base|db|collection)\}/g, "");
      if (/[{}]/.test(braces)) return invalid(`${quote(input)} has a brace without its pair`, fix);
      if (input.split("/").some((part) => part === "..")) {
        return invalid(`${quote(input)} climbs out of its folder with ".."`, fix);
      }
      return ok(input.replace(/\/+$/, ""));
    },
    show: (value) => value,
  });
}

/** `http://host:port` or `https://host:port`; a missing scheme is filled in later. */
export function endpoint(): ValueType<string> {
  return valueType<string>({
    placeholder: "<url>",
    form: "`http://host:port` or `https://host:port`; `host:port` alone is http",
    read: (input) => {
      const fix = "write http://host:port or https://host:port";
      if (typeof input !== "string" || input.trim() === "") {
        return invalid(`${quote(input)} is not an endpoint`, fix);
      }
      const text = input.trim();
      const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
      const url = URL.canParse(withScheme) ? new URL(withScheme) : null;
      if (url === null || !["http:", "https:"].includes(url.protocol)) {
        return invalid(`${quote(input)} is not an endpoint`, fix);
      }
      if (url.username !== "" || url.password !== "") {
        return invalid("an endpoint cannot hold a user or password", `${fix}, keys apart`);
      }
      if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
        return invalid(`${quote(input)} has a path`, `${fix}; buckets belong into the base path`);
      }
      return ok(text.replace(/\/+$/, ""));
    },
    show: (value) => value,
  });
}

/** A proxy's URL; its password is a secret. */
export function proxyUrl(): ValueType<string> {
  return valueType<string>({
    placeholder: "<url>",
    form: "`http://host:port`",
    read: (input) => {
      const fix = "write http://host:port";
      const url = typeof input === "string" && URL.canParse(input) ? new URL(input) : null;
      return url === null || !["http:", "https:"].includes(url.protocol)
        ? invalid("the value is not the URL of a proxy", fix)
        : ok(String(input));
    },
    show: (value) => {
      const url = new URL(value);
      if (url.password !== "") url.password = "********";
      return url.href;
    },
  });
}
