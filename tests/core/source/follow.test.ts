import { afterEach, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import {
  eventsOf,
  failureOf,
  lanesOf,
  makeFolder,
  removeFolders,
  sourceOf,
  steppingClock,
  textOf,
} from "./source-harness.ts";
import type { SourceEvent } from "../../../src/core/source/source.ts";

afterEach(removeFolders);

/** What was read in each round between two sleeps, as text. */
function rounds(events: readonly SourceEvent[]): string[] {
  const texts = [""];
  for (const event of events) {
    if (event.kind === "records") texts.push((texts.pop() ?? "") + textOf([event.batch]));
    else if (event.kind === "idle") texts.push("");
    else throw new Error(`${event.kind} while following`);
  }
  return texts.slice(0, -1);
}

async function follow(path: string, steps: readonly (() => void)[]): Promise<SourceEvent[]> {
  const { clock, signal } = steppingClock(steps);
  return await eventsOf(sourceOf(path, { follow: true, clock }), signal);
}

function followed(content: string | Uint8Array): string {
  const path = join(makeFolder(), "events.ndjson");
  writeFileSync(path, content);
  return path;
}

test("growth is delivered, a line without newline only when it is whole", async () => {
  const path = followed("a\nb");
  const events = await follow(path, [
    () => appendFileSync(path, "b"),
    () => {},
    () => appendFileSync(path, "b\nc\nd"),
    () => appendFileSync(path, "\n"),
  ]);
  expect(rounds(events)).toEqual(["a\n", "", "", "bbb\nc\n", "d\n"]);
  const [lane] = lanesOf(events);
  expect(lane?.batches.map((batch) => batch.position.baseOffset)).toEqual([0n, 2n, 8n]);
  expect(new Set(lane?.batches.map((batch) => batch.position.identity)).size).toBe(1);
});

test("an empty file starts when something is in it", async () => {
  const path = followed("");
  const events = await follow(path, [
    () => appendFileSync(path, "{"),
    () => appendFileSync(path, "}\n"),
  ]);
  expect(rounds(events)).toEqual(["", "", "{}\n"]);
});

test("a file that looks compressed at first is plain after all", async () => {
  const path = followed("(");
  const events = await follow(path, [() => appendFileSync(path, "\n")]);
  expect(rounds(events)).toEqual(["", "(\n"]);
});

test.each([
  ["gzip", (text: string) => gzipSync(text)],
  ["zstd", (text: string) => zstdCompressSync(text)],
])("%s: a cut end is waited for, members that come later are read", async (_name, pack) => {
  const first = pack("a\nb\n");
  const path = followed(first.subarray(0, first.length - 4));
  const events = await follow(path, [
    () => appendFileSync(path, first.subarray(first.length - 4)),
    () => appendFileSync(path, pack("c\n")),
  ]);
  const texts = rounds(events);
  expect(texts.join("")).toBe("a\nb\nc\n");
  expect(texts[2]).toBe("c\n");
});

test("new files of a folder are read, old ones go on growing", async () => {
  const folder = makeFolder();
  const events = await follow(folder, [
    () => writeFileSync(join(folder, "b"), "b1\n"),
    () => writeFileSync(join(folder, "a"), "a1\n"),
    () => {
      appendFileSync(join(folder, "b"), "b2\n");
      mkdirSync(join(folder, "c"));
      writeFileSync(join(folder, "c", "d"), "d1\n");
    },
    () => rmSync(join(folder, "a")),
  ]);
  expect(rounds(events)).toEqual(["", "b1\n", "a1\n", "b2\nd1\n", ""]);
});

test("a file that is away for a moment is waited for", async () => {
  const path = followed("a\n");
  const events = await follow(path, [
    () => renameSync(path, `${path}.away`),
    () => {
      renameSync(`${path}.away`, path);
      appendFileSync(path, "b\n");
    },
  ]);
  expect(rounds(events)).toEqual(["a\n", "", "b\n"]);
});

test("a copy with the same start in the file's place goes on", async () => {
  const path = followed("a\nb\n");
  const events = await follow(path, [() => {
    writeFileSync(`${path}.new`, "a\nb\nc\n");
    renameSync(`${path}.new`, path);
  }]);
  expect(rounds(events)).toEqual(["a\nb\n", "c\n"]);
});

const late = new Date(Date.now() + 60_000);

test.each<[string, (path: string) => void]>([
  ["truncated", (path) => truncateSync(path, 2)],
  ["emptied", (path) => truncateSync(path, 0)],
  ["rewritten, shorter", (path) => writeFileSync(path, "x\n")],
  ["rewritten, longer", (path) => writeFileSync(path, "x\ny\nz\nmore\n")],
  ["rewritten from the start, same end", (path) => writeFileSync(path, "x\nbb\ncc\nmore\n")],
  ["rewritten at the end", (path) => writeFileSync(path, "a\nbb\nxx\nmore\n")],
  ["rewritten, same size", (path) => {
    writeFileSync(path, "a\nbb\ndd\n");
    utimesSync(path, late, late);
  }],
  ["replaced by another file", (path) => {
    writeFileSync(`${path}.new`, "x\nbb\ncc\ndd\n");
    renameSync(`${path}.new`, path);
  }],
])("a file that was %s is source-replaced", async (_name, change) => {
  const path = followed("a\nbb\ncc\n");
  const error = await failureOf(follow(path, [() => change(path)]));
  expect(error.code).toBe("source-replaced");
  expect(error.message).toContain(path);
});

const long = Array.from({ length: 50 }, (_, index) => `line ${index}\n`).join("");

test.each([
  ["end", `${long.slice(0, -3)}XX\nmore\n`],
  ["start", `XX${long.slice(2)}more\n`],
])("of a long file the %s is compared", async (_name, content) => {
  const path = followed(long);
  const { clock, signal } = steppingClock([() => writeFileSync(path, content)]);
  const limits = { continuityBytes: 8 };
  const source = sourceOf(path, { follow: true, clock, limits });
  expect((await failureOf(eventsOf(source, signal))).code).toBe("source-replaced");
});

test("a truncated file's error tells both sizes", async () => {
  const path = followed(long);
  const error = await failureOf(follow(path, [() => truncateSync(path, 9)]));
  expect(error.message).toContain(`9 bytes, ${long.length} were read`);
});

test("a missing file is not waited for", async () => {
  const error = await failureOf(follow(join(makeFolder(), "missing"), []));
  expect(error.code).toBe("not-found");
});

test("progress() follows the growth", async () => {
  const path = followed("a\n");
  const { clock, signal } = steppingClock([() => appendFileSync(path, Buffer.from("bb\n"))]);
  const source = sourceOf(path, { follow: true, clock });
  await eventsOf(source, signal);
  expect(source.progress()).toEqual({ bytesRead: 5, bytesTotal: 5 });
});
