import { afterEach, describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import * as fc from "fast-check";
import { packings } from "./compressed-samples.ts";
import {
  checkContiguous,
  eventsOf,
  failureOf,
  lanesOf,
  makeFolder,
  pipeOf,
  removeFolders,
  sourceOf,
} from "./source-harness.ts";

const mark = "\ufeff";

afterEach(removeFolders);

function fileOf(content: Uint8Array | string, name = "events.ndjson"): string {
  const path = join(makeFolder(), name);
  writeFileSync(path, content);
  return path;
}

function identityOf(line: string): string {
  return createHash("sha256").update(line).digest("hex").slice(0, 16);
}

function linesOf(count: number): string {
  return Array.from({ length: count }, (_, index) => `{"n":${index}}\n`).join("");
}

describe.each([...packings])("%s", (_name, pack) => {
  const text = linesOf(5000);

  test("a file is read whole, its offsets those of the decompressed stream", async () => {
    const path = fileOf(pack(Buffer.from(text)));
    const events = await eventsOf(sourceOf(path, { limits: { batchBytes: 4096 } }));
    const [lane] = lanesOf(events);
    expect(lane?.text === text).toBe(true);
    expect(lane?.lane).toBe("events.ndjson");
    expect(lane?.batches.length).toBeGreaterThan(3);
    checkContiguous(lane?.batches ?? []);
    expect(lane?.batches[0]?.position).toEqual({
      topic: "events.ndjson",
      partition: 0,
      baseOffset: 0n,
      identity: identityOf('{"n":0}'),
    });
    expect(events.at(-1)).toEqual({ kind: "lane-end", lane: "events.ndjson" });
  });

  test("a pipe gives the same, however it is cut", async () => {
    for (const pieceBytes of [1, 3, 1000, 1 << 20]) {
      const content = Buffer.from(linesOf(300));
      const stdin = pipeOf(pack(content), pieceBytes);
      const [lane] = lanesOf(await eventsOf(sourceOf("-", { stdin, sourceId: "pipe" })));
      expect(lane?.text).toBe(content.toString());
      expect(lane?.batches[0]?.position.identity).toBe(identityOf('{"n":0}'));
      checkContiguous(lane?.batches ?? []);
    }
  });

  test("progress() counts the bytes of the file", async () => {
    const packed = pack(Buffer.from(text));
    const source = sourceOf(fileOf(packed));
    await eventsOf(source);
    expect(source.progress()).toEqual({ bytesRead: packed.length, bytesTotal: packed.length });
  });
});

type Form = {
  readonly name: string;
  readonly content: string;
  /** What is delivered, where it starts, and the record the identity is made of. */
  readonly text: string;
  readonly offset: number;
  readonly first: string;
};

const forms: readonly Form[] = [
  { name: "one line", content: "{}\n", text: "{}\n", offset: 0, first: "{}" },
  { name: "no newline at the end", content: "a\nb", text: "a\nb", offset: 0, first: "a" },
  { name: "one line without newline", content: "a", text: "a", offset: 0, first: "a" },
  { name: "CRLF", content: "a\r\nb\r\n", text: "a\r\nb\r\n", offset: 0, first: "a" },
  { name: "CRLF, cut", content: "a\r\nb", text: "a\r\nb", offset: 0, first: "a" },
  { name: "byte order mark", content: `${mark}a\nb\n`, text: "a\nb\n", offset: 3, first: "a" },
  { name: "mark, no newline", content: `${mark}a`, text: "a", offset: 3, first: "a" },
  { name: "mark, then blanks", content: `${mark}\r\n\na\n`, text: "a\n", offset: 6, first: "a" },
  {
    name: "a mark later on",
    content: `a\n${mark}b\n`,
    text: `a\n${mark}b\n`,
    offset: 0,
    first: "a",
  },
  { name: "blank lines first", content: "\n \t\r\na\n", text: "a\n", offset: 5, first: "a" },
  { name: "blank lines later", content: "a\n\n\nb\n", text: "a\n\n\nb\n", offset: 0, first: "a" },
  { name: "starts like zstd", content: "(\n", text: "(\n", offset: 0, first: "(" },
  { name: "starts like bzip2", content: "BZh", text: "BZh", offset: 0, first: "BZh" },
  { name: "letters beyond ASCII", content: "é😀\nü", text: "é😀\nü", offset: 0, first: "é😀" },
];

describe.each([...forms])("$name", ({ content, text, offset, first }) => {
  test.each([[1], [2], [3], [5], [1 << 20]])("in batches of %d bytes", async (batchBytes) => {
    const [lane] = lanesOf(await eventsOf(sourceOf(fileOf(content), { limits: { batchBytes } })));
    expect(lane?.text).toBe(text);
    expect(lane?.batches[0]?.position.baseOffset).toBe(BigInt(offset));
    expect(lane?.batches.every((batch) => batch.position.identity === identityOf(first)))
      .toBe(true);
    checkContiguous(lane?.batches ?? []);
  });
});

test.each([
  ["an empty file", ""],
  ["only blank lines", "\n\r\n  \n\t"],
  ["only a byte order mark", mark],
  ["an empty gzip file", packings[1]?.[1](Buffer.of()) ?? ""],
])("%s ends its lane without records", async (_name, content) => {
  const events = await eventsOf(sourceOf(fileOf(content)));
  expect(events).toEqual([{ kind: "lane-end", lane: "events.ndjson" }]);
});

test("any lines, cut anyhow, give the same text, offsets and identity", async () => {
  const line = fc.string({ unit: "grapheme", maxLength: 40 }).map((s) => s.replaceAll("\n", ""));
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { minLength: 1, maxLength: 40 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 64 }),
      fc.nat(packings.length - 1),
      async (lines, newline, pieceBytes, batchBytes, packing) => {
        const content = Buffer.from(`{"first":1}\n${lines.join("\n")}${newline ? "\n" : ""}`);
        const packed = packings[packing]?.[1](content) ?? content;
        const stdin = pipeOf(packed, pieceBytes);
        const source = sourceOf("-", { stdin, sourceId: "x", limits: { batchBytes } });
        const [lane] = lanesOf(await eventsOf(source));
        expect(lane?.text).toBe(content.toString());
        expect(lane?.batches[0]?.position.baseOffset).toBe(0n);
        checkContiguous(lane?.batches ?? []);
      },
    ),
    { numRuns: 150 },
  );
});

test("a line longer than a batch is delivered whole", async () => {
  const giant = `{"a":"${"x".repeat(20 << 20)}"}`;
  const content = `{"n":1}\n${giant}\n{"n":2}\n${linesOf(1_000_000)}`;
  const [lane] = lanesOf(await eventsOf(sourceOf(fileOf(content))));
  expect(lane?.text === content).toBe(true);
  checkContiguous(lane?.batches ?? []);
  expect(lane?.batches[1]?.bytes.length).toBeLessThanOrEqual(22 << 20);
  // The memory that the giant line needed does not make the batches behind it large.
  expect(Math.max(...(lane?.batches.slice(3) ?? []).map((batch) => batch.bytes.length)))
    .toBeLessThanOrEqual(2 << 20);
});

test("a line beyond the limit is an error that names file and offset", async () => {
  const path = fileOf(`${linesOf(2)}${"x".repeat(200)}\n`);
  const limits = { batchBytes: 16, lineBytesMax: 100 };
  const error = await failureOf(eventsOf(sourceOf(path, { limits })));
  expect(error.code).toBe("source");
  expect(error.context).toEqual({ path, offset: 16 });
  const allowed = sourceOf(path, { limits: { ...limits, lineBytesMax: 201 } });
  expect(lanesOf(await eventsOf(allowed))[0]?.text).toEndWith("x\n");
});

const compressedSamples = packings.filter(([name]) => name !== "plain");

test.each([...compressedSamples])("%s cut anywhere is an error", async (name, pack) => {
  const content = Buffer.from(linesOf(60));
  const packed = pack(content);
  const wholes = new Set<number>();
  for (let length = 1; length < packed.length; length++) {
    const stdin = pipeOf(packed.subarray(0, length), 1 << 20);
    const source = sourceOf("-", { stdin, sourceId: "x" });
    const error: unknown = await eventsOf(source).then(() => null, (reason: unknown) => reason);
    if (error === null) wholes.add(length);
    else expect(error).toMatchObject({ code: "source" });
  }
  // Between members and frames the input is whole; the first two bytes are too few to be gzip, the
  // first three too few to be zstd.
  const magic = name.startsWith("gzip") ? 2 : 3;
  const inside = [...wholes].filter((length) => length > magic);
  const boundaries = { "gzip": 0, "zstd": 0, "zstd with checksum": 0 }[name];
  if (boundaries !== undefined) expect(inside).toEqual([]);
  expect(inside.length).toBeLessThan(6);
});

test("a cut file is named, and what came before the cut is delivered", async () => {
  const packed = packings[1]?.[1](Buffer.from(linesOf(20_000))) ?? Buffer.of();
  const path = fileOf(packed.subarray(0, packed.length - 100), "cut.gz");
  const source = sourceOf(path, { limits: { batchBytes: 1024 } });
  const seen: string[] = [];
  const reading = (async () => {
    for await (const event of source.events({ signal: new AbortController().signal })) {
      seen.push(event.kind);
    }
  })();
  const error = await failureOf(reading);
  await source.close();
  expect(error.code).toBe("source");
  expect(error.message).toContain(path);
  expect(error.message).toContain("gzip");
  expect(seen).toContain("records");
  expect(seen).not.toContain("lane-end");
});

test.each([
  ["gzip", 1],
  ["zstd with checksum", 5],
])("damaged %s data is an error", async (name, index) => {
  const packed = packings[index]?.[1](Buffer.from(linesOf(200))) ?? Buffer.of();
  const middle = packed.length >> 1;
  packed.writeUInt8(packed.readUInt8(middle) ^ 0xff, middle);
  const error = await failureOf(eventsOf(sourceOf(fileOf(packed))));
  expect(error.code).toBe("source");
  expect(error.message).toContain(name.split(" ")[0] ?? "");
});

test("something else behind compressed data is an error", async () => {
  for (const index of [1, 4]) {
    const packed = packings[index]?.[1](Buffer.from(linesOf(5))) ?? Buffer.of();
    const content = Buffer.concat([packed, Buffer.from("what is this?")]);
    const error = await failureOf(eventsOf(sourceOf(fileOf(content))));
    expect(error.code).toBe("source");
  }
});

test.each([
  ["bzip2", Buffer.from("BZh91AY&SY")],
  ["xz", Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
  ["lz4", Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x64])],
  ["zip", Buffer.from("PK\u0003\u0004....")],
  ["parquet", Buffer.from("PAR1....")],
])("%s is refused by name", async (format, content) => {
  const error = await failureOf(eventsOf(sourceOf(fileOf(content))));
  expect(error.code).toBe("source");
  expect(error.message).toContain(format);
});

test("a missing file is not-found", async () => {
  const path = join(makeFolder(), "missing.ndjson");
  const error = await failureOf(eventsOf(sourceOf(path)));
  expect(error.code).toBe("not-found");
  expect(error.message).toContain(path);
});

test.skipIf(process.getuid?.() === 0)("an unreadable file is permission", async () => {
  const path = fileOf("{}\n");
  chmodSync(path, 0o000);
  expect((await failureOf(eventsOf(sourceOf(path)))).code).toBe("permission");
});

test("--source-id stands for a file's name", async () => {
  const [lane] = lanesOf(await eventsOf(sourceOf(fileOf("{}\n"), { sourceId: "orders" })));
  expect(lane?.lane).toBe("orders");
  expect(lane?.batches[0]?.position.topic).toBe("orders");
});

test("nothing is read ahead of the consumer", async () => {
  const path = fileOf(linesOf(100_000));
  const source = sourceOf(path, { limits: { batchBytes: 1000 } });
  const events = source.events({ signal: new AbortController().signal })[Symbol.asyncIterator]();
  await events.next();
  expect(source.progress().bytesRead).toBeLessThanOrEqual(1007);
  await source.close();
});

test("events() reads from the beginning each time", async () => {
  const content = linesOf(1000);
  for (const path of [fileOf(content), join(fileOf(content), "..")]) {
    const source = sourceOf(path, { limits: { batchBytes: 100 } });
    const { signal } = new AbortController();
    for await (const event of source.events({ signal })) {
      if (event.kind === "records" && event.batch.position.baseOffset > 3000n) break;
    }
    for (let again = 0; again < 2; again++) {
      const events = [];
      for await (const event of source.events({ signal })) events.push(event);
      expect(lanesOf(events)[0]?.text === content).toBe(true);
      expect(source.progress().bytesRead).toBe(content.length);
    }
    await source.close();
  }
});

test("an aborted signal ends the events", async () => {
  const controller = new AbortController();
  const source = sourceOf(fileOf(linesOf(1000)), { limits: { batchBytes: 100 } });
  let batches = 0;
  for await (const event of source.events({ signal: controller.signal })) {
    if (event.kind === "records") batches++;
    if (batches === 3) controller.abort();
  }
  expect(batches).toBe(3);
  await source.close();
});
