import { expect, test } from "bun:test";
import { lookAtMongo } from "../../../src/core/connect/mongodb-facts.ts";

const { signal } = new AbortController();
const nobody = "mongodb://app:s3cret@127.0.0.1:1/?serverSelectionTimeoutMS=20";

test.each([
  [{}, "there is no mongodb.connection.string"],
  [{ "mongodb.connection.string": "${file:/run/secrets/m:uri}" }, "known to Connect only"],
  [
    { "mongodb.connection.string": nobody, "mongodb.password": "${env:X}" },
    "known to Connect only",
  ],
])("lookAtMongo() does not look where it cannot know whom to ask: %j", async (config, reason) => {
  expect(await lookAtMongo(config, { signal })).toEqual({
    kind: "unknown",
    reason: expect.stringContaining(reason),
  });
});

test.each([nobody, "mongodb://", "no uri at all", "mongodb+srv://"])(
  "lookAtMongo() takes what does not answer or is no connection string for unreachable: %s",
  async (uri) => {
    const look = await lookAtMongo({ "mongodb.connection.string": uri }, { signal });
    expect(look).toEqual({ kind: "unreachable", reason: expect.stringMatching(/./) });
  },
);

test("lookAtMongo() ends with its signal", async () => {
  const stop = new AbortController();
  const uri = nobody.replace("=20", "=60000");
  const look = lookAtMongo({ "mongodb.connection.string": uri }, { signal: stop.signal });
  setTimeout(() => stop.abort(new Error("enough")), 50);
  await expect(look).rejects.toThrow("enough");
});
