import { afterEach, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  eventsOf,
  failureOf,
  lanesOf,
  makeFolder,
  removeFolders,
  sourceOf,
} from "./source-harness.ts";

afterEach(removeFolders);

function folderOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = makeFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

test("files are read one after another, by name, each as a lane of its own", async () => {
  const folder = folderOf({
    "b.ndjson": "b\n",
    "a.ndjson": "a\n",
    "B.gz": gzipSync("B\n"),
    "10": "ten\n",
    "9": "nine",
    "sub/z.ndjson": "z\n",
    "sub/deep/y": "y\n",
    "empty": "",
  });
  const events = await eventsOf(sourceOf(folder));
  expect(events.map((event) => [event.kind, "lane" in event ? event.lane : ""])).toEqual([
    ["records", "10"],
    ["lane-end", "10"],
    ["records", "9"],
    ["lane-end", "9"],
    ["records", "B.gz"],
    ["lane-end", "B.gz"],
    ["records", "a.ndjson"],
    ["lane-end", "a.ndjson"],
    ["records", "b.ndjson"],
    ["lane-end", "b.ndjson"],
    ["lane-end", "empty"],
    ["records", "sub/deep/y"],
    ["lane-end", "sub/deep/y"],
    ["records", "sub/z.ndjson"],
    ["lane-end", "sub/z.ndjson"],
  ]);
  const texts = lanesOf(events).map((lane) => lane.text);
  expect(texts).toEqual(["ten\n", "nine", "B\n", "a\n", "b\n", "", "y\n", "z\n"]);
  const topics = lanesOf(events).flatMap((lane) => lane.batches.map((b) => b.position.topic));
  expect(topics).toContain("sub/deep/y");
});

test("hidden names, links to folders and dead links are left out, links to files count", async () => {
  const folder = folderOf({
    "data.ndjson": "d\n",
    ".hidden": "no\n",
    "_SUCCESS": "no\n",
    "_delta_log/0.json": "no\n",
    ".git/config": "no\n",
  });
  const elsewhere = folderOf({ "target.ndjson": "t\n" });
  symlinkSync(join(elsewhere, "target.ndjson"), join(folder, "link.ndjson"));
  symlinkSync(folder, join(folder, "loop"));
  symlinkSync(join(elsewhere, "gone"), join(folder, "dead"));
  const lanes = lanesOf(await eventsOf(sourceOf(folder)));
  expect(lanes.map((lane) => lane.lane)).toEqual(["data.ndjson", "link.ndjson"]);
});

test("--source-id is put before the files' names", async () => {
  const folder = folderOf({ "a": "1\n", "b": "2\n" });
  const lanes = lanesOf(await eventsOf(sourceOf(folder, { sourceId: "orders" })));
  expect(lanes.map((lane) => lane.lane)).toEqual(["orders/a", "orders/b"]);
  expect(lanes[1]?.batches[0]?.position.topic).toBe("orders/b");
});

test("a folder without files is not-found", async () => {
  const folder = folderOf({ "_SUCCESS": "" });
  const error = await failureOf(eventsOf(sourceOf(folder)));
  expect(error.code).toBe("not-found");
  expect(error.message).toContain(folder);
});

test("an error names the file, not the folder", async () => {
  const folder = folderOf({ "a": "1\n", "cut.gz": gzipSync("x".repeat(1000)).subarray(0, 20) });
  const error = await failureOf(eventsOf(sourceOf(folder)));
  expect(error.message).toContain(join(folder, "cut.gz"));
});

test("progress() knows all bytes from the start", async () => {
  const source = sourceOf(folderOf({ "a": "1\n", "b": "22\n" }));
  const totals: unknown[] = [];
  for await (const event of source.events({ signal: new AbortController().signal })) {
    if (event.kind === "lane-end") totals.push(source.progress());
  }
  expect(totals).toEqual([{ bytesRead: 2, bytesTotal: 5 }, { bytesRead: 5, bytesTotal: 5 }]);
});
