// The real servers of the live pipeline, without docker: a MongoDB replica set, Kafka, Kafka Connect
// with the Debezium MongoDB connector, MinIO. See docs/STACK.md.
import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { cache } from "../lib/project.mjs";
import { install, missingFor } from "./install.mjs";
import { down, freeze, restart, status, thaw, up, watchOver } from "./lifecycle.mjs";
import { minioAccess, parts } from "./parts.mjs";
import { residentBytes } from "./processes.mjs";

const usage = `node scripts/stack/stack.mjs COMMAND
  up, down, status, install, missing; restart, freeze, thaw (with --only)
  --only PARTS    of ${Object.keys(parts).join(",")} (default: all)
  --data DIR      data, logs and stack.json (default: stack in $CDCDELTA_CACHE)
  --ports PORTS   auto, or NAME=NUMBER,… (default: 27117, 9192, 8183, 9100 and their neighbours)
  --heap SIZES    up: memory of the JVMs, such as kafka=256m,connect=512m; kept like the ports
  --secure        up: Kafka listens with SASL and TLS too, on ports of their own; kept like the ports
  --format FORMAT table or json, of up, restart and status
  --while-pid PID up: stop the stack when that process has ended
  --grace SECONDS down: SIGKILL after this long (default: 20)
  --wipe          down: remove the data too; up with --while-pid: then`;

const commands = {
  async up(options) {
    const begin = performance.now();
    install(options.names);
    await up(options);
    options.say(`up after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
    print(await status(options), options);
  },
  down,
  async restart(options) {
    await restart(options);
    print(await status(options), options);
  },
  freeze,
  thaw,
  async status(options) {
    const found = await status(options);
    print(found, options);
    if (found.length === 0 || found.some(({ state }) => state !== "ready")) process.exitCode = 1;
  },
  install: ({ names }) => install(names),
  missing({ names }) {
    const lines = missingFor(names);
    for (const line of lines) console.log(line);
    if (lines.length > 0) process.exitCode = 1;
  },
  watch: watchOver,
};

try {
  const { command, options } = parse(process.argv.slice(2));
  if (command === null) console.log(usage);
  else await commands[command](options);
} catch (error) {
  console.error(`stack: ${error.message}`);
  process.exitCode = 1;
}

function parse(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      only: { type: "string" },
      data: { type: "string", default: path.join(cache, "stack") },
      ports: { type: "string" },
      heap: { type: "string" },
      secure: { type: "boolean", default: false },
      format: { type: "string", default: "table" },
      "while-pid": { type: "string" },
      grace: { type: "string", default: "20" },
      wipe: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return { command: null };
  const [command] = positionals;
  if (positionals.length !== 1 || !Object.hasOwn(commands, command)) {
    throw new Error(`name one command\n${usage}`);
  }
  if (["restart", "freeze", "thaw"].includes(command) && values.only === undefined) {
    throw new Error(`${command}: name the parts with --only`);
  }
  if (!["table", "json"].includes(values.format)) throw new Error("--format is table or json");
  return {
    command,
    options: {
      names: partNames(values.only),
      data: path.resolve(values.data),
      ports: portsOf(values.ports),
      heap: heapOf(values.heap),
      secure: values.secure,
      json: values.format === "json",
      whilePid: values["while-pid"] === undefined ? undefined : number(values, "while-pid"),
      graceMs: number(values, "grace") * 1000,
      wipe: values.wipe,
      say: (line) => console.error(`stack: ${line}`),
    },
  };
}

function partNames(only) {
  const all = Object.keys(parts);
  const wanted = only === undefined ? all : only.split(",");
  const unknown = wanted.filter((name) => !all.includes(name));
  if (unknown.length > 0) {
    throw new Error(`no such part: ${unknown.join(", ")}; there are ${all.join(", ")}`);
  }
  return all.filter((name) => wanted.includes(name));
}

function portsOf(text) {
  if (text === undefined || text === "auto") return { auto: text === "auto", numbers: {} };
  const names = Object.values(parts)
    .flatMap(({ ports, securePorts }) => Object.keys({ ...ports, ...securePorts }));
  const pairs = text.split(",").map((pair) => {
    const [, name, digits] = /^(\w+)=(\d{1,5})$/.exec(pair) ?? [];
    if (!names.includes(name) || Number(digits) < 1 || Number(digits) > 65_535) {
      throw new Error(`--ports: ${pair} is not auto or NAME=NUMBER with ${names.join(", ")}`);
    }
    return [name, Number(digits)];
  });
  return { auto: false, numbers: Object.fromEntries(pairs) };
}

function heapOf(text) {
  const names = Object.keys(parts).filter((name) => parts[name].heap !== undefined);
  const pairs = text === undefined ? [] : text.split(",").map((pair) => {
    const [, name, size] = /^(\w+)=(\d+[mg])$/.exec(pair) ?? [];
    if (!names.includes(name)) {
      throw new Error(`--heap: ${pair} is not NAME=SIZE with ${names.join(", ")}, such as 256m`);
    }
    return [name, size];
  });
  return Object.fromEntries(pairs);
}

function number(values, name) {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < 0) throw new Error(`--${name} is a whole number`);
  return value;
}

function print(found, { json, data }) {
  const rows = found.map((part) => ({
    ...part,
    url: parts[part.name].url(part.ports),
    residentBytes: part.pid === null ? null : residentBytes(part.pid),
  }));
  if (json) {
    console.log(
      JSON.stringify({ data: data, minio: minioAccess, parts: rows }, null, 2),
    );
    return;
  }
  if (rows.length === 0) {
    console.log(`nothing was started in ${data}`);
    return;
  }
  const cells = rows.map(({ name, state, reason, pid, url, residentBytes: bytes, log }) => [
    name,
    reason === null ? state : `${state} (${reason})`,
    pid === null ? "-" : String(pid),
    bytes === null ? "-" : `${Math.round(bytes / 2 ** 20)} MiB`,
    url,
    log ?? "-",
  ]);
  const table = [["part", "state", "pid", "memory", "address", "log"], ...cells];
  const widths = table[0].map((_, at) => Math.max(...table.map((row) => row[at].length)));
  for (const row of table) {
    console.log(row.map((cell, at) => cell.padEnd(widths[at])).join("  ").trimEnd());
  }
}
