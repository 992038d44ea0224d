import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { configChanges } from "../../../src/core/connect/connector-diff.ts";
import { changeNotes, planDeploy } from "../../../src/core/connect/deploy-plan.ts";

const base = { "connector.class": "x.Source", "topic.prefix": "cdc", "a": "1", "name": "n" };
const offset = (prefix: string) => ({ partition: { server_id: prefix }, offset: { sec: 1 } });
const deployed = { config: base, offsets: [offset("cdc")] };
const plainly = { recreate: false, resetOffsets: false };

describe("configChanges()", () => {
  test("tells what was added, removed and changed, by key, and passes the name over", () => {
    expect(configChanges({ b: "1", c: "2", d: "3", name: "x" }, { a: "0", c: "2", d: "4" }))
      .toEqual([
        { kind: "added", key: "a", after: "0" },
        { kind: "removed", key: "b", before: "1" },
        { kind: "changed", key: "d", before: "3", after: "4" },
      ]);
  });

  test("applied to the one configuration they give the other", () => {
    const config = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.constantFrom("1", "2"));
    fc.assert(fc.property(config, config, (before, after) => {
      const result: Record<string, string> = { ...before };
      for (const change of configChanges(before, after)) {
        if (change.kind === "removed") delete result[change.key];
        else result[change.key] = change.after;
      }
      expect(result).toEqual({ ...after });
    }));
  });
});

describe("planDeploy()", () => {
  test("creates what is not there", () => {
    expect(planDeploy(null, base, plainly).kind).toBe("create");
    expect(planDeploy(null, base, { recreate: true, resetOffsets: false }).kind).toBe("create");
  });

  test("leaves alone what is as it should be", () => {
    const { name: _name, ...same } = base;
    expect(planDeploy(deployed, same, plainly)).toEqual({ kind: "unchanged" });
  });

  test("changes in place what can be changed so", () => {
    expect(planDeploy(deployed, { ...base, a: "2" }, plainly)).toEqual({
      kind: "update",
      changes: [{ kind: "changed", key: "a", before: "1", after: "2" }],
    });
  });

  const recreated = (
    wanted: Readonly<Record<string, string>>,
    wishes = plainly,
    offsets = deployed.offsets,
  ): { readonly reason: string; readonly offsets: string; readonly resetOffsets: boolean } => {
    const plan = planDeploy({ config: base, offsets }, wanted, wishes);
    if (plan.kind !== "recreate") throw new Error(plan.kind);
    return plan;
  };

  test.each([["topic.prefix"], ["connector.class"]])("makes it anew for another %s", (key) => {
    expect(recreated({ ...base, [key]: "other" }).reason).toBe(`${key} changed`);
  });

  test("says what becomes of the offsets", () => {
    const otherPrefix = { ...base, "topic.prefix": "new" };
    const cases = [
      [
        recreated(base, { recreate: true, resetOffsets: false }),
        /^Its offsets are kept under the same name.*goes on where it was$/,
      ],
      [recreated(otherPrefix), /^Its offsets are kept under the old topic\.prefix.*a new snapshot/],
      [
        recreated(otherPrefix, plainly, [offset("cdc"), offset("new")]),
        /for the new topic\.prefix there are some from earlier: it goes on there, without a snapshot/,
      ],
      [
        recreated(base, { recreate: false, resetOffsets: true }),
        /^Its offsets are deleted: a new snapshot of all collections follows \(snapshot\.mode initial\)$/,
      ],
      [
        recreated({ ...base, "snapshot.mode": "no_data" }, { recreate: false, resetOffsets: true }),
        /^Its offsets are deleted: it goes on with what happens from now on/,
      ],
    ] as const;
    for (const [{ offsets }, pattern] of cases) expect(offsets).toMatch(pattern);
  });

  test("resets offsets only where asked to", () => {
    expect(recreated(base, { recreate: true, resetOffsets: false }).resetOffsets).toBe(false);
    expect(recreated(base, { recreate: false, resetOffsets: true }).resetOffsets).toBe(true);
  });
});

test("changeNotes() tells that newly captured collections need a snapshot", () => {
  const notes = (key: string): string[] =>
    changeNotes([{ kind: "changed", key, before: "a", after: "b" }]);
  expect(notes("collection.include.list")[0]).toContain("cdcdelta snapshot");
  expect(notes("snapshot.mode")[0]).toContain("a new snapshot only");
  expect(notes("max.batch.size")).toEqual([]);
});
