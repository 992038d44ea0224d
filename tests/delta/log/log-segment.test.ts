import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { logFolder, parseLogKey } from "../../../src/delta/log/log-path.ts";
import {
  buildSegment,
  earliestVersion,
  newestVersion,
  readListing,
} from "../../../src/delta/log/log-segment.ts";
import type { ObjectMeta } from "../../../src/delta/storage/object-store.ts";

const digits = (version: number): string => String(version).padStart(20, "0");
const meta = (name: string): ObjectMeta => ({ key: `${logFolder}${name}`, size: 1, modifiedMs: 0 });
const part = (of: number, total: number): string =>
  `${String(of).padStart(10, "0")}.${String(total).padStart(10, "0")}`;

/** `0 1 c1 m1.2/2 v3 k0-1`: commits, classic, multi-part and V2 checkpoints, compactions. */
function listing(text: string): ReturnType<typeof readListing> {
  const files = text.split(" ").filter((word) => word !== "").map((word) => {
    const [, kind, version, end, of, total] =
      /^([cmvk]?)(\d+)(?:-(\d+))?(?:\.(\d+)\/(\d+))?$/.exec(word) ?? [];
    const name = digits(Number(version));
    switch (kind) {
      case "c":
        return meta(`${name}.checkpoint.parquet`);
      case "m":
        return meta(`${name}.checkpoint.${part(Number(of), Number(total))}.parquet`);
      case "v":
        return meta(`${name}.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.parquet`);
      case "k":
        return meta(`${name}.${digits(Number(end))}.compacted.json`);
      default:
        return meta(`${name}.json`);
    }
  });
  return readListing(files);
}

describe("parseLogKey", () => {
  const v = digits(7);
  const names: readonly (readonly [string, string | null])[] = [
    [`${v}.json`, "commit"],
    [`${v}.crc`, "checksum"],
    [`${v}.checkpoint.parquet`, "classic-checkpoint"],
    [`${v}.checkpoint.${part(1, 2)}.parquet`, "multi-part-checkpoint"],
    [`${v}.checkpoint.${part(1, 1)}.parquet`, "multi-part-checkpoint"],
    [`${v}.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json`, "v2-checkpoint"],
    [`${v}.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.parquet`, "v2-checkpoint"],
    [`${v}.${digits(9)}.compacted.json`, "compaction"],
    [`${v}.checkpoint.${part(3, 2)}.parquet`, null],
    [`${v}.checkpoint.${part(0, 2)}.parquet`, null],
    [`${v}.json.tmp`, null],
    [`.${v}.json.crc`, null],
    [`..${v}.json.80a083e8-7026-4e79-81be-64bd76c43a11.tmp.crc`, null],
    [`.tmp/${v}.json`, null],
    [`_staged_commits/${v}.80a083e8-7026-4e79-81be-64bd76c43a11.json`, null],
    ["_last_checkpoint", null],
    ["0.json", null],
    [`${"9".repeat(20)}.json`, null],
  ];
  for (const [name, kind] of names) {
    test(`${name}: ${kind ?? "not the log's own"}`, () => {
      expect(parseLogKey(`${logFolder}${name}`)?.kind ?? null).toBe(kind as never);
    });
  }
});

describe("buildSegment", () => {
  const cases: readonly (readonly [string, number | undefined, string])[] = [
    ["0 1 2", undefined, "- 0,1,2"],
    ["0 1 2", 1, "- 0,1"],
    ["0 1 2 c2 3", undefined, "classic2 3"],
    ["0 1 2 c2 3", 2, "classic2 "],
    ["0 1 2 c2 3", 1, "- 0,1"],
    ["c2 3 4", 4, "classic2 3,4"],
    ["c2", undefined, "classic2 "],
    ["0 1 m1.1/2 m1.2/2 2", undefined, "multi-part1 2"],
    ["0 1 m1.1/2 2", undefined, "- 0,1,2"],
    ["0 1 m1.1/2 m1.3/3 2", undefined, "- 0,1,2"],
    ["5 c5 6 c6 7", undefined, "classic6 7"],
    ["1 2 c2 3", undefined, "classic2 3"],
    ["0 1 v1 2", undefined, "v2-parquet1 2"],
    ["0 1 c1 2 v2 3", undefined, "v2-parquet2 3"],
    ["v3 4", undefined, "v2-parquet3 4"],
    ["v3", undefined, "v2-parquet3 "],
  ];
  for (const [files, version, wanted] of cases) {
    test(`${files} at ${version ?? "the newest"}`, () => {
      const segment = buildSegment(listing(files), {
        uri: "t",
        ...(version === undefined ? {} : { version }),
      });
      const checkpoint = segment.checkpoint;
      const start = checkpoint === null ? "-" : `${checkpoint.kind}${checkpoint.version}`;
      expect(`${start} ${segment.commits.map((c) => c.version)}`).toBe(wanted);
    });
  }

  const compacted: readonly (readonly [string, number | undefined, string])[] = [
    ["0 1 2 3 k0-2", undefined, "0-2 3"],
    ["0 1 2 3 k1-3", undefined, "0 1-3"],
    ["0 1 2 3 k0-1 k2-3", undefined, "0-1 2-3"],
    ["0 1 2 3 k0-1 k0-2", undefined, "0-2 3"],
    // The range is replaced whole or not at all.
    ["0 1 2 3 k1-3", 2, "0 1 2"],
    ["0 1 2 3 k0-1 k0-3", 2, "0-1 2"],
    ["0 1 2 3 k2-5", undefined, "0 1 2 3"],
    // Overlapping ones: the second begins within the first.
    ["0 1 2 3 k0-2 k1-3", undefined, "0-2 3"],
    // What a checkpoint holds is not replayed again.
    ["0 1 2 c2 3 4 k2-3", undefined, "3 4"],
    ["0 1 2 c2 3 4 k1-4", undefined, "3 4"],
    ["0 1 2 c2 3 4 k3-4", undefined, "3-4"],
    ["2 c2 3 4 5 k0-2 k3-4", undefined, "3-4 5"],
    ["0 1 2 c2 3 k0-1", 1, "0-1"],
    ["0 1 2 c2 k0-2", undefined, ""],
    // Neither one commit nor a range that runs backwards.
    ["0 1 2 k1-1 k2-1", undefined, "0 1 2"],
  ];
  for (const [files, version, wanted] of compacted) {
    test(`${files} at ${version ?? "the newest"}: replays ${wanted || "nothing"}`, () => {
      const { pieces } = buildSegment(listing(files), {
        uri: "t",
        ...(version === undefined ? {} : { version }),
      });
      const names = pieces.map((piece) =>
        piece.kind === "commit" ? `${piece.version}` : `${piece.version}-${piece.endVersion}`
      );
      expect(names.join(" ")).toBe(wanted);
    });
  }

  test("an empty compaction is none, and none fills a hole between commits", () => {
    const files = [0, 1].map((version) => meta(`${digits(version)}.json`));
    const empty = { ...meta(`${digits(0)}.${digits(1)}.compacted.json`), size: 0 };
    const { pieces } = buildSegment(readListing([...files, empty]), { uri: "t" });
    expect(pieces.map((piece) => piece.kind)).toEqual(["commit", "commit"]);
    expect(() => buildSegment(listing("0 2 k0-2"), { uri: "t" })).toThrow("commit 1 is missing");
  });

  const refused: readonly (readonly [string, number | undefined, string, string])[] = [
    ["", undefined, "not-found", "There is no Delta table at t"],
    ["0 2", undefined, "log-corrupt", "commit 1 is missing, the next one is 2"],
    ["1 2", undefined, "log-corrupt", "no complete checkpoint to start from"],
    ["0 1 c1 3", undefined, "log-corrupt", "commit 2 is missing"],
    ["0 1 2", 3, "not-found", "the versions there are range from 0 to 2"],
    ["3 c3 4", 2, "not-found", "the versions there are range from 3 to 4"],
    ["m3.1/2 4", undefined, "log-corrupt", "commit 0 is missing"],
  ];
  for (const [files, version, code, why] of refused) {
    test(`${files || "nothing"} at ${version ?? "the newest"}: ${code}`, () => {
      const build = (): unknown =>
        buildSegment(listing(files), { uri: "t", ...(version === undefined ? {} : { version }) });
      expect(build).toThrow(why);
      expect(build).toThrow(expect.objectContaining({ code }));
    });
  }

  test("an empty checkpoint file is none", () => {
    const empty = { ...meta(`${digits(1)}.checkpoint.parquet`), size: 0 };
    const files = [meta(`${digits(0)}.json`), meta(`${digits(1)}.json`), empty];
    expect(buildSegment(readListing(files), { uri: "t" }).checkpoint).toBeNull();
  });

  test("knows from which version on a table can be opened", () => {
    const from = (files: string): number | null => earliestVersion(listing(files));
    expect(["0 1 2", "0 1 c1 2", "2 c2 3", "0 5 c5", "c5", "3 4", ""].map(from)).toEqual(
      [0, 0, 2, 5, 5, null, null],
    );
  });

  test("is contiguous and complete, or refused, whatever files there are", () => {
    const words = fc.subarray(
      ["0", "1", "2", "3", "4", "c1", "c3", "m2.1/2", "m2.2/2", "v2", "v4", "k0-1", "k1-3", "k2-4"],
      { minLength: 1 },
    );
    fc.assert(fc.property(words, fc.option(fc.nat(5), { nil: undefined }), (files, version) => {
      const found = listing(files.join(" "));
      try {
        // The function itself asserts its guarantees; an `internal` error would end the test.
        const request = { uri: "t", ...(version === undefined ? {} : { version }) };
        const segment = buildSegment(found, request);
        expect(segment.version).toBe(version ?? newestVersion(found)!);
      } catch (error) {
        expect(["not-found", "log-corrupt", "unsupported"]).toContain(
          (error as { code: string }).code,
        );
      }
    }));
  });
});
