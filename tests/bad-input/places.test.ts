import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import process from "node:process";
import { lintLake } from "../kill/lake.ts";
import { optional, requirement } from "../support/requirement.ts";
import {
  type BinaryOptions,
  binaryPath,
  type EndedProcess,
  isBinaryBuilt,
  runBinary,
} from "../support/run-binary.ts";
import { type S3Stub, startS3Stub } from "../support/s3-stub.ts";
import { type BadFolder, badFolder, event, ingest, onlyError, rowsOf } from "./bad-lake.ts";

const lines = `${event({ _id: 1, a: 1 })}\n${event({ _id: 2, a: 2 })}\n`;
const rows = [{ _id: 1, a: 1 }, { _id: 2, a: 2 }];
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

describe.skipIf(!isBinaryBuilt())("places that cannot be used", () => {
  let at: BadFolder;
  let file = "";

  beforeEach(() => {
    at = badFolder();
    file = path.join(at.folder, "events.ndjson");
    writeFileSync(file, lines);
  });

  afterEach(() => at.remove());

  /** A flag, a variable or a file is wrong: exit code 2 before anything is begun. */
  const usage: readonly [string, (at: BadFolder) => readonly string[], RegExp[]][] = [
    ["an unknown flag", () => ["run", "--sauce", "x"], [/--sauce: unknown flag/, /--source\?/]],
    ["an unknown command", () => ["rum"], [/"rum"/, /run\?/]],
    ["no source", ({ lake }) => ["run", "--base-path", lake], [/--source: is missing/]],
    ["a number that is none", () => [...bare(file, at), "--flush-rows", "x"], [/--flush-rows/]],
    ["a config file that is not there", () => [...bare(file, at), "--config", "no.yaml"], [
      /no\.yaml: .*cannot be read/,
      /correct --config/,
    ]],
    ["a config file that is a folder", () => [...bare(file, at), "--config", at.folder], [
      /cannot be read/,
      /correct --config/,
    ]],
    ["a config file that is no YAML", () => [...bare(file, at), "--config", yaml("a: [")], [
      /config\.yaml:2: not valid YAML/,
      /correct the file's syntax/,
    ]],
    ["a config file with an unknown key", () => [...bare(file, at), "--config", yaml("flush: 1")], [
      /config\.yaml.*flush/,
    ]],
  ];

  function bare(source: string, { lake }: BadFolder): string[] {
    return ["run", "--source", source, "--base-path", lake];
  }

  function yaml(text: string): string {
    const place = path.join(at.folder, "config.yaml");
    writeFileSync(place, `${text}\n`);
    return place;
  }

  test.each(usage)("%s", async (_, args, wanted) => {
    const { status, stdout, stderr } = await runBinary(args(at), { cwd: at.folder });
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    for (const text of wanted) expect(stderr).toMatch(text);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(existsSync(at.lake)).toBe(false);
  });

  test("a config file that may not be read", async () => {
    const config = yaml("flushRows: 5");
    chmodSync(config, 0o000);
    const { status, stderr } = await runBinary([...bare(file, at), "--config", config], {
      ...asNobody(),
    });
    expect(status).toBe(2);
    expect(stderr).toMatch(/config\.yaml: .*permission denied/);
  });

  const failures: readonly [string, (at: BadFolder) => readonly [string, string], RegExp][] = [
    ["a source that is not there", () => ["no.ndjson", at.lake], /"no\.ndjson".*Check the path/],
    ["a source folder without files", () => [empty(), at.lake], /no files in the folder.*Check/],
    [
      "a source that is no NDJSON",
      () => ["/dev/zero", at.lake],
      /longer than.*Is the input NDJSON/,
    ],
    ["a base path in /proc", () => [file, "/proc/lake"], /\/proc\/lake.*Check the path/],
    ["a base path below a file", () => [file, path.join(file, "lake")], /is a file; move it away/],
  ];

  function empty(): string {
    const folder = path.join(at.folder, "empty");
    mkdirSync(folder);
    return folder;
  }

  test.each(failures)("%s", async (_, places, wanted) => {
    const [source, lake] = places(at);
    const ended = await ingest(source, lake, { cwd: at.folder });
    expect(ended.status).toBe(1);
    expect(onlyError(ended)).toMatch(wanted);
    expect(await lintLake(at.store)).toEqual([]);
  });

  /** As a user without rights: root may do everything. */
  function asNobody(): BinaryOptions {
    if (!isRoot) return {};
    chmodSync(at.folder, 0o755);
    const wrapper = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];
    const [command = "", ...words] = wrapper;
    if (spawnSync(command, [...words, "test", "-x", binaryPath]).status === 0) return { wrapper };
    // The checkout is hidden from others.
    const binary = path.join(at.folder, "cdcdelta");
    copyFileSync(binaryPath, binary);
    chmodSync(binary, 0o755);
    return { wrapper, binary };
  }

  test("a folder that may only be read", async () => {
    mkdirSync(at.lake, { mode: 0o555 });
    const ended = await ingest(file, at.lake, asNobody());
    expect(ended.status).toBe(1);
    expect(onlyError(ended)).toMatch(/permission denied.*Give the user .* write access/);
    expect(readdirSync(at.lake)).toEqual([]);
  });

  test("a source that may not be read", async () => {
    chmodSync(file, 0o000);
    mkdirSync(at.lake, { mode: 0o777 });
    chmodSync(at.lake, 0o777);
    const ended = await ingest(file, at.lake, asNobody());
    expect(ended.status).toBe(1);
    expect(onlyError(ended)).toMatch(/permission denied.*Let the user/);
  });

  describe("a full disk", () => {
    const canTrace = requirement(
      spawnSync("strace", ["-f", "-qq", "-o", "/dev/null", "true"]).status === 0,
      "strace is missing or may not trace: apt-get install strace",
    );
    // Which call of which thread fails differs; any of them must end in the same way.
    const points = ["fsync", "rename", "link", "mkdir"].flatMap((call) =>
      [1, 2, 3, 4].map((nth) => ({ call, nth }))
    );

    test.skipIf(!canTrace).each(points)("$call fails from call $nth on", async ({ call, nth }) => {
      const inject = `inject=${call}:error=ENOSPC:when=${nth}+`;
      const wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`];
      const ended = await ingest(file, at.lake, { wrapper: [...wrapper, "-e", inject] });
      if (ended.status !== 0) {
        expect(onlyError(ended)).toMatch(/the disk is full.*Free space.*start again/);
        expect(ended.status).toBe(1);
      }
      expect(await lintLake(at.store)).toEqual([]);
      expect((await ingest(file, at.lake)).status).toBe(0);
      expect(await rowsOf(at.store)).toEqual(rows);
    });

    test("a small file system fills up", async () => {
      mkdirSync(at.lake);
      const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=8k", "none", at.lake]);
      if (!optional(mounted.status === 0, "a tmpfs cannot be mounted: needs root")) return;
      try {
        const ended = await ingest(file, at.lake);
        expect(ended.status).toBe(1);
        expect(onlyError(ended)).toMatch(/the disk is full.*Free space/);
        expect(await lintLake(at.store)).toEqual([]);
        const larger = spawnSync("mount", ["-o", "remount,size=1m", at.lake]);
        expect(larger.status).toBe(0);
        expect((await ingest(file, at.lake)).status).toBe(0);
        expect(await rowsOf(at.store)).toEqual(rows);
      } finally {
        spawnSync("umount", [at.lake]);
      }
    });
  });

  describe("S3", () => {
    let stub: S3Stub;

    beforeAll(async () => {
      stub = await startS3Stub();
      stub.makeBucket("lake");
      stub.makeBucket("careless", { conditionalPut: "ignored" });
      stub.makeBucket("simple", { conditionalPut: "not-implemented" });
    });

    afterAll(async () => await stub.stop());

    const keys = (): Record<string, string> => ({
      MINIO_ENDPOINT: stub.endpoint,
      MINIO_ACCESS_KEY: stub.accessKey,
      MINIO_SECRET_KEY: stub.secretKey,
    });

    const troubles: readonly [string, string, () => Record<string, string>, number, RegExp][] = [
      ["a missing bucket", "nowhere", keys, 1, /s3:\/\/nowhere.*Create the bucket/],
      ["a wrong key", "lake", () => ({ ...keys(), MINIO_ACCESS_KEY: "x" }), 1, /access key: check/],
      [
        "no keys at all",
        "lake",
        () => ({
          MINIO_ENDPOINT: stub.endpoint,
          AWS_EC2_METADATA_DISABLED: "true",
        }),
        1,
        /Give an access key/,
      ],
      ["a PUT that does not mind what is there", "careless", keys, 1, /exactly once.*Use a store/],
      ["a store without conditional PUT", "simple", keys, 1, /no conditional PUT.*Use AWS S3/],
      [
        "an endpoint where nobody listens",
        "lake",
        () => ({
          ...keys(),
          MINIO_ENDPOINT: "http://127.0.0.1:1",
        }),
        1,
        /127\.0\.0\.1:1.*Check that the endpoint/,
      ],
    ];

    test.each(troubles)("%s", async (_, bucket, env, status, wanted) => {
      const ended: EndedProcess = await ingest(file, `s3://${bucket}/base`, { env: env() });
      expect(ended.status).toBe(status);
      const message = onlyError(ended);
      expect(message).toMatch(wanted);
      expect(ended.stderr).not.toContain(stub.secretKey);
    });

    test("a key without its secret is wrong usage", async () => {
      const env = { MINIO_ENDPOINT: stub.endpoint, MINIO_ACCESS_KEY: "x" };
      const { status, stderr } = await ingest(file, "s3://lake/base", { env });
      expect(status).toBe(2);
      expect(stderr).toMatch(/MINIO_ACCESS_KEY: is set without MINIO_SECRET_KEY/);
    });
  });
});
