import { describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { objectFloorStore } from "../../../src/core/position/floor-store.ts";
import { watermarkAppId } from "../../../src/core/position/app-id.ts";
import { rememberFloors } from "../../../src/core/source/remember-floors.ts";
import type { Source, SourceEvent } from "../../../src/core/source/source.ts";
import { memoryStore } from "../../../src/delta/storage/memory-store.ts";

const { signal } = new AbortController();

/** A file of the given text, cut into batches of whole lines. */
function fileOf(text: string, { identity = "first", linesPerBatch = 2 } = {}): Source {
  return {
    description: "a test",
    async *events(): AsyncGenerator<SourceEvent> {
      const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
      let offset = 0;
      for (let at = 0; at < lines.length; at += linesPerBatch) {
        const bytes = new Uint8Array(Buffer.from(lines.slice(at, at + linesPerBatch).join("")));
        const position = { topic: "f", partition: 0, baseOffset: BigInt(offset), identity };
        offset += bytes.length;
        yield { kind: "records", lane: "f", batch: { framing: "lines", bytes, position } };
      }
      yield { kind: "lane-end", lane: "f" };
    },
    commitFloors: () => Promise.resolve(),
    release: () => undefined,
    lanes: () => [],
    progress: () => ({ bytesRead: 0, bytesTotal: null }),
    close: () => Promise.resolve(),
  };
}

type Read = { readonly text: string; readonly offsets: readonly bigint[] };

/** `missing`: watermarks of tables that are not what they were; below zero: there is no table. */
function newFloors(missing = new Map<string, bigint>()) {
  const appId = watermarkAppId("p", { topic: "f", partition: 0, identity: "first" });
  return objectFloorStore(memoryStore(), {
    owner: { pipelineId: "p", adopt: false },
    transactionsOf(key) {
      const version = missing.get(key) ?? 99n;
      return Promise.resolve(version < 0n ? null : new Map([[appId, { appId, version }]]));
    },
  });
}

/** Reads all, then commits floors up to the end of the given number of batches. */
async function read(
  source: Source,
  floors: ReturnType<typeof newFloors>,
  commitBatches = Infinity,
): Promise<Read> {
  const remembering = rememberFloors(source, floors);
  const offsets: bigint[] = [];
  const ends: bigint[] = [];
  let text = "";
  for await (const event of remembering.events({ signal })) {
    if (event.kind !== "records") continue;
    const { bytes, position } = event.batch;
    text += Buffer.from(bytes).toString();
    offsets.push(position.baseOffset);
    ends.push(position.baseOffset + BigInt(bytes.length));
  }
  const nextOffset = ends[Math.min(commitBatches, ends.length) - 1];
  if (nextOffset !== undefined) {
    const tables = [{ key: "db.a", offset: 99n }];
    await remembering.commitFloors([{ lane: "f", nextOffset, tables }], { signal });
  }
  return { text, offsets };
}

describe("rememberFloors()", () => {
  test("reads all the first time and nothing the second", async () => {
    const floors = newFloors();
    expect(await read(fileOf("1\n2\n3\n"), floors)).toEqual({
      text: "1\n2\n3\n",
      offsets: [0n, 4n],
    });
    expect(await read(fileOf("1\n2\n3\n"), floors)).toEqual({ text: "", offsets: [] });
  });

  test("goes on behind what was committed, however the batches are cut", async () => {
    for (const linesPerBatch of [1, 2, 3, 10]) {
      const floors = newFloors();
      await read(fileOf("1\n2\n3\n4\n"), floors, 1);
      const again = await read(fileOf("1\n2\n3\n4\n5\n", { linesPerBatch }), floors);
      expect(again.text).toBe("3\n4\n5\n");
      expect(again.offsets[0]).toBe(4n);
    }
  });

  test("takes a last line without newline, and what follows it later", async () => {
    const floors = newFloors();
    expect((await read(fileOf("1\n2"), floors)).text).toBe("1\n2");
    expect((await read(fileOf("1\n2\n3\n"), floors)).text).toBe("\n3\n");
  });

  for (const [name, watermark] of [["is gone", -1n], ["was made anew", 98n]] as const) {
    test(`reads all again when a table that held it ${name}`, async () => {
      const missing = new Map<string, bigint>();
      const floors = newFloors(missing);
      await read(fileOf("1\n2\n3\n"), floors);
      missing.set("db.a", watermark);
      expect((await read(fileOf("1\n2\n3\n"), floors)).text).toBe("1\n2\n3\n");
    });
  }

  const replaced: readonly (readonly [string, Source])[] = [
    ["the first record is another one", fileOf("1\n2\n3\n", { identity: "other" })],
    ["the file ends before the floor", fileOf("1\n2\n")],
    ["the file is empty", fileOf("")],
    ["the last record read is another one", fileOf("1\n2\nX\n4\n")],
    ["lines have moved", fileOf("1\n22\n3\n4\n")],
    ["the last line went on", fileOf("1\n2\n34\n")],
  ];
  for (const [name, source] of replaced) {
    test(`refuses when ${name}`, async () => {
      const floors = newFloors();
      await read(fileOf("1\n2\n3"), floors);
      const failure = await read(source, floors).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: "source-replaced" });
    });
  }

  test("leaves inputs alone whose records carry their own positions", async () => {
    const floors = newFloors();
    const line = '{"topic":"t","partition":0,"offset":5,"key":null,"payload":"x"}\n';
    await read(fileOf(line), floors);
    expect((await read(fileOf(line, { identity: "other" }), floors)).text).toBe(line);
  });
});
