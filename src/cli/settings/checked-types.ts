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

/** `host:port` of brokers, separated by commas. */
export function bootstrapServers(): ValueType<string> {
  return valueType<string>({
    placeholder: "<host:port,...>",
    form: "`host:port` separated by commas",
    read: (input) => {
      const fix = "write host:port, several separated by commas";
      if (typeof input !== "string") return invalid(`${quote(input)} is not a list of hosts`, fix);
      const servers = input.split(",").map((server) => server.trim());
      for (const server of servers) {
        // Listener names are a habit of broker configurations: PLAINTEXT://host:9092.
        if (server.includes("://")) {
          return invalid(`${quote(server)} has a scheme`, `${fix}; the protocol is set apart`);
        }
        const port = /^(?:\[[0-9a-f:.%]+\]|[^\s:/]+):(\d{1,5})$/i.exec(server)?.[1];
        if (port === undefined || Number(port) < 1 || Number(port) > 65_535) {
          return invalid(`${quote(server)} is not host:port`, fix);
        }
      }
      return ok(servers.join(","));
    },
    show: (value) => value,
  });
}

/** A whole http or https URL; it cannot hold a password, which would end in logs. */
export function httpUrl(): ValueType<string> {
  return valueType<string>({
    placeholder: "<url>",
    form: "`http://host/path` or `https://host/path`",
    read: (input) => {
      const fix = "write http://host/path or https://host/path";
      const url = typeof input === "string" && URL.canParse(input) ? new URL(input) : null;
      if (url === null || !["http:", "https:"].includes(url.protocol)) {
        return invalid(`${quote(input)} is not an http URL`, fix);
      }
      return url.username !== "" || url.password !== ""
        ? invalid("the URL cannot hold a user or password", `${fix}, secrets apart`)
        : ok(String(input).trim());
    },
    show: (value) => value,
  });
}

/** A port to listen on, `off` (or 0), or `auto`. */
export function httpPort(): ValueType<number | "auto" | "off"> {
  return valueType<number | "auto" | "off">({
    placeholder: "<port|off>",
    form: "a port, `off`, or `auto`",
    read: (input) => {
      if (input === "auto" || input === "off") return ok<number | "auto" | "off">(input);
      const value = typeof input === "string" && /^\d+$/.test(input.trim()) ? Number(input) : input;
      if (value === 0 || value === false) return ok<number | "auto" | "off">("off");
      return typeof value === "number" && Number.isInteger(value) && value > 0 && value < 65_536
        ? ok<number | "auto" | "off">(value)
        : invalid(`${quote(input)} is not a port`, "write a port such as 8001, or off");
    },
    show: (value) => value,
  });
}
