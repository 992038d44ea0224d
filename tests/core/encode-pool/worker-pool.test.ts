import { afterEach, describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import type { EncodePool } from "../../../src/core/encode/encode-pool.ts";
import type { MappingRules } from "../../../src/core/encode/encode-job.ts";
import { inlinePool } from "../../../src/core/encode/inline-pool.ts";
import { workerPool } from "../../../src/core/encode/worker-pool.ts";
import { CdcDeltaError } from "../../../src/errors.ts";
import { rowGroupText, scriptedEncoder, scriptedJob } from "./scripted-encoder.ts";

const rules: MappingRules = {
  defaults: {
    partitionBy: [],
    columnTypes: {},
    includeFields: [],
    excludeFields: [],
    rename: {},
    mask: {},
    maskKey: null,
    keepDocument: false,
    keepTransactionId: false,
    decimalAsString: false,
    columnsMax: 100,
    depthMax: 10,
  },
  overrides: [],
};
const open: EncodePool[] = [];
const never = new AbortController().signal;

function scripted(size: number, restartsMax = 3): EncodePool {
  const workerUrl = new URL("./scripted-worker.ts", import.meta.url);
  const pool = workerPool({ size, rules, restartsMax, workerUrl });
  open.push(pool);
  return pool;
}

afterEach(async () => {
  for (const pool of open.splice(0)) await pool.close();
});

async function failureOf(promise: Promise<unknown>): Promise<CdcDeltaError> {
  const error: unknown = await promise.then(() => null, (reason: unknown) => reason);
  if (!(error instanceof CdcDeltaError)) throw new Error(`not a CdcDeltaError: ${String(error)}`);
  return error;
}

const pools: readonly [string, () => EncodePool][] = [
  ["workerPool", () => scripted(2)],
  [
    "inlinePool",
    () => inlinePool({ size: 1, rules, encoder: scriptedEncoder({ exit: () => {} }) }),
  ],
];

describe.each(pools)("%s", (_name, make) => {
  test("run() gives each caller the result of its own job", async () => {
    const pool = make();
    const texts = Array.from({ length: 40 }, (_, index) => `${index}`);
    const verb = (index: number) => (index % 7 === 0 ? "slow" : "echo");
    const results = await Promise.all(
      texts.map((text, index) =>
        pool.run(scriptedJob(`${verb(index)} ${text}`), { signal: never })
      ),
    );
    expect(results.map(rowGroupText)).toEqual(texts);
  });

  test("run() carries 64-bit integers whole", async () => {
    const result = await make().run(scriptedJob("echo x"), { signal: never });
    expect(result.positions[0]).toMatchObject({
      firstOffset: 2n ** 60n,
      lastOffset: 2n ** 62n,
      lastRecordHash: 2n ** 64n - 1n,
    });
  });

  test("run() leaves the job's bytes to the caller, so that it can be run again", async () => {
    const pool = make();
    const job = scriptedJob("echo again");
    await pool.run(job, { signal: never });
    expect(Buffer.from(job.batches[0]?.bytes ?? []).toString()).toBe("echo again");
    expect(rowGroupText(await pool.run(job, { signal: never }))).toBe("again");
  });

  test("run() rejects with the encoder's error and goes on", async () => {
    const pool = make();
    const error = await failureOf(pool.run(scriptedJob("fail"), { signal: never }));
    expect(error).toMatchObject({
      code: "decode",
      message: "scripted",
      context: { at: 7 },
      retryable: true,
    });
    expect(rowGroupText(await pool.run(scriptedJob("echo on"), { signal: never }))).toBe("on");
  });

  test("run() rejects when its signal is aborted already", async () => {
    const reason = new Error("stop");
    const run = make().run(scriptedJob("echo x"), { signal: AbortSignal.abort(reason) });
    expect(await run.catch((error: unknown) => error)).toBe(reason);
  });

  test("run() after close() rejects with code worker", async () => {
    const pool = make();
    await pool.close();
    const error = await failureOf(pool.run(scriptedJob("echo x"), { signal: never }));
    expect(error.code).toBe("worker");
  });
});

describe("workerPool", () => {
  test("an unexpected error of the encoder arrives as internal, with its text", async () => {
    const error = await failureOf(scripted(1).run(scriptedJob("throw"), { signal: never }));
    expect(error.code).toBe("internal");
    expect(error.message).toContain("scripted type error");
  });

  test("jobs start in the order of the calls", async () => {
    const pool = scripted(1);
    const done: string[] = [];
    const texts = ["1", "2", "3", "4"];
    await Promise.all(texts.map(async (text) => {
      done.push(rowGroupText(await pool.run(scriptedJob(`echo ${text}`), { signal: never })));
    }));
    expect(done).toEqual(texts);
  });

  test("jobs run side by side on several threads", async () => {
    const pool = scripted(2);
    await Promise.all(
      ["echo a", "echo b"].map((line) => pool.run(scriptedJob(line), { signal: never })),
    );
    const done: string[] = [];
    const slow = pool.run(scriptedJob("slow 400"), { signal: never }).then(() => done.push("slow"));
    for (const text of ["1", "2"]) {
      await pool.run(scriptedJob(`echo ${text}`), { signal: never });
      done.push(text);
    }
    await slow;
    expect(done).toEqual(["1", "2", "slow"]);
  });

  test("a thread that dies fails its own job alone and is replaced", async () => {
    const pool = scripted(1);
    const dying = failureOf(pool.run(scriptedJob("exit 3"), { signal: never }));
    const next = pool.run(scriptedJob("echo after"), { signal: never });
    const error = await dying;
    expect(error).toMatchObject({ code: "worker", retryable: true });
    expect(error.message).toContain("3");
    expect(rowGroupText(await next)).toBe("after");
  });

  test("more deaths than restartsMax fail every job for good", async () => {
    const pool = scripted(1, 1);
    const first = await failureOf(pool.run(scriptedJob("exit 1"), { signal: never }));
    expect(first.retryable).toBe(true);
    const second = failureOf(pool.run(scriptedJob("exit 1"), { signal: never }));
    const waiting = failureOf(pool.run(scriptedJob("echo x"), { signal: never }));
    expect((await second).code).toBe("worker");
    expect(await waiting).toMatchObject({ code: "worker", retryable: false });
    const late = await failureOf(pool.run(scriptedJob("echo x"), { signal: never }));
    expect(late).toMatchObject({ code: "worker", retryable: false });
  });

  test("a thread that cannot start fails every job for good", async () => {
    const workerUrl = new URL("./there-is-no-such-worker.ts", import.meta.url);
    const pool = workerPool({ size: 2, rules, workerUrl });
    open.push(pool);
    const error = await failureOf(pool.run(scriptedJob("echo x"), { signal: never }));
    expect(error).toMatchObject({ code: "worker", retryable: false });
    expect(error.message).toContain("--workers 0");
  });

  test("an aborted job is left behind, whether waiting or running", async () => {
    const pool = scripted(1);
    await pool.run(scriptedJob("echo started"), { signal: never });
    const controller = new AbortController();
    const running = pool.run(scriptedJob("slow 100"), { signal: controller.signal });
    const waiting = pool.run(scriptedJob("exit 9"), { signal: controller.signal });
    const other = pool.run(scriptedJob("echo other"), { signal: never });
    controller.abort(new Error("stop"));
    const reasons = await Promise.allSettled([running, waiting]);
    for (const reason of reasons) {
      expect(reason).toMatchObject({ status: "rejected", reason: { message: "stop" } });
    }
    // Not the answer to the job that was left behind, and the waiting one never ran.
    expect(rowGroupText(await other)).toBe("other");
  });

  test("close() rejects what waits and what runs", async () => {
    const pool = scripted(1);
    const running = failureOf(pool.run(scriptedJob("slow 1000"), { signal: never }));
    const waiting = failureOf(pool.run(scriptedJob("echo x"), { signal: never }));
    await pool.close();
    expect((await running).code).toBe("worker");
    expect((await waiting).code).toBe("worker");
  });
});
