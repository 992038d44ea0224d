import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash, createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { systemClock } from "../../../src/cli/clock.ts";
import { systemRandom } from "../../../src/cli/random.ts";
import { valueAt } from "../../../src/delta/columns/column-value.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { scanSnapshot } from "../../../src/delta/operations/scan.ts";
import { localStore } from "../../../src/delta/storage/local-store.ts";
import { cli } from "../fake-world.ts";

let folder = "";
let source = "";

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-fields-"));
  source = path.join(folder, "events.ndjson");
  const lines = ["people", "orders"].map((collection) =>
    JSON.stringify({
      after: JSON.stringify({ _id: 1, mail: "a@b.c", zip: "10115" }),
      source: { db: "shop", collection, ts_ms: 1 },
      op: "c",
    })
  );
  writeFileSync(source, `${lines.join("\n")}\n`);
});

afterAll(() => rmSync(folder, { recursive: true }));

const { signal } = new AbortController();

/** The document's columns of a table's only row. */
async function rowOf(lake: string, collection: string): Promise<Record<string, unknown>> {
  const store = localStore(path.join(folder, lake, "shop", collection));
  const engine = { store, clock: systemClock, random: systemRandom };
  const snapshot = await loadSnapshot(engine, { signal });
  for await (const batch of scanSnapshot(engine, snapshot, { signal })) {
    const values = snapshot.schema.fields.map(({ name, type }, i) =>
      [name, valueAt(batch.columns[i]!, type, 0)] as const
    );
    return Object.fromEntries(values.filter(([name]) => !/^_(cdc|kafka|inges|resc)/.test(name)));
  }
  throw new Error("The table is empty");
}

const sha = (text: string) => createHash("sha256").update(text).digest("hex");
const run = (lake: string, flags: readonly string[], env: Record<string, string> = {}) =>
  cli([
    "run",
    ...["--workers", "0", "--source", source, "--base-path", path.join(folder, lake)],
    ...flags,
  ], { env });

describe("fields", () => {
  test("are renamed and masked by flags, with a key from the environment", async () => {
    const flags = ["--mask-field", "mail=hash,zip=redact", "--rename-field", "mail=mail_hash"];
    const { code, stderr } = await run("flags", flags, { CDCDELTA_MASK_KEY: "pepper" });
    expect(stderr).not.toContain("pepper");
    expect(code).toBe(0);
    const mail_hash = createHmac("sha256", "pepper").update("a@b.c").digest("hex");
    expect(await rowOf("flags", "people")).toEqual({ _id: 1, mail_hash, zip: "***" });
  });

  test("are renamed and masked by collection, over what holds in general", async () => {
    const config = path.join(folder, "fields.yaml");
    writeFileSync(
      config,
      [
        "mask: {mail: hash}",
        "rename: {_id: id}",
        "collections:",
        "  shop\\.people:",
        "    mask: {mail: none, zip: hash}",
        "    rename: {zip: postcode}",
      ].join("\n"),
    );
    expect((await run("file", ["--config", config])).code).toBe(0);
    expect(await rowOf("file", "people")).toEqual({
      id: 1,
      mail: "a@b.c",
      postcode: sha("10115"),
    });
    expect(await rowOf("file", "orders")).toEqual({ id: 1, mail: sha("a@b.c"), zip: "10115" });
  });

  test("cannot be redacted where they are a document's key", async () => {
    const { code, stderr } = await run("redacted", ["--mask-field", "_id=redact"]);
    expect(code).toBe(2);
    expect(stderr).toContain("use _id=hash");
  });
});
