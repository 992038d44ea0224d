import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ownTables } from "../../../src/cli/replay/own-tables.ts";
import { resolveSettings } from "../../../src/cli/settings/resolve-settings.ts";
import { wireTables } from "../../../src/cli/wire-tables.ts";
import { changeLine } from "../../core/pump/pump-harness.ts";
import { cli } from "../fake-world.ts";

test("each table is found once, dead letters too, which lie below the base path", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-own-"));
  try {
    const source = path.join(folder, "events.ndjson");
    const lines = [changeLine("c", { _id: 1 }), changeLine("c", { _id: 2 }, "returns"), "not json"];
    writeFileSync(source, lines.map((line) => `${line}\n`).join(""));
    const basePath = path.join(folder, "lake");
    const env = { KAFKA_CONSUMER_GROUP: "sink" };
    const run = await cli(["run", "--source", source, "--base-path", basePath], { env });
    expect(run.code).toBe(0);
    const { resolved } = resolveSettings({ flags: new Map(), env, file: null });
    const tables = wireTables(resolved.values);
    const { engineAt } = tables;
    const { signal } = new AbortController();
    const ask = (pipelineId: string, base: string) =>
      ownTables({ resolved, basePath: base, pipelineId, engineAt }, signal);
    const names = ["_dead_letters", "shop/orders", "shop/returns"];
    for (const base of [basePath, `${basePath}/`]) {
      const found = (await ask("sink", base)).map(({ uri }) => path.relative(basePath, uri));
      expect(found.sort()).toEqual(names);
    }
    expect(await ask("other", basePath)).toEqual([]);
    tables.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
