/**
 * Writes benchmark events: `bun scripts/bench/make-events.ts COUNT FILE [--kcat] [--seed N]`. The
 * same arguments give the same bytes.
 */
import { Buffer } from "node:buffer";
import { closeSync, openSync, writeSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { eventMaker } from "./order-events.ts";

const chunkBytes = 4 << 20;

/** Writes `count` events; returns the bytes written. */
export function writeEvents(
  file: string,
  options: { readonly count: number; readonly seed: number; readonly kcat: boolean },
): number {
  const make = eventMaker(options);
  const handle = openSync(file, "w");
  let bytes = 0;
  let lines: string[] = [];
  let length = 0;
  const write = () => {
    const chunk = Buffer.from(lines.join(""));
    bytes += chunk.length;
    for (let at = 0; at < chunk.length;) at += writeSync(handle, chunk, at);
    lines = [];
    length = 0;
  };
  for (let index = 0; index < options.count; index++) {
    const line = `${make(index)}\n`;
    lines.push(line);
    length += line.length;
    if (length >= chunkBytes) write();
  }
  write();
  closeSync(handle);
  return bytes;
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { kcat: { type: "boolean", default: false }, seed: { type: "string", default: "7" } },
  });
  const [count, file] = positionals;
  if (count === undefined || file === undefined) {
    process.stderr.write("usage: make-events.ts COUNT FILE [--kcat] [--seed N]\n");
    process.exit(2);
  }
  writeEvents(file, { count: Number(count), seed: Number(values.seed), kcat: values.kcat });
}
