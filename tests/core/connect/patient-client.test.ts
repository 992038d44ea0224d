import { describe, expect, test } from "bun:test";
import { patientClient } from "../../../src/core/connect/patient-client.ts";
import type { KafkaClient } from "../../../src/core/kafka/kafka-client.ts";
import { CdcDeltaError } from "../../../src/errors.ts";
import { connectorDouble } from "./connector-double.ts";

const { signal } = new AbortController();
const passing = new CdcDeltaError("kafka", "no broker", { retryable: true });
const final = new CdcDeltaError("permission", "wrong password");

/** A client whose requests fail so many times first, and how often it was asked. */
function failing(times: number, error: Error) {
  const double = connectorDouble();
  double.cluster.createTopic("t", 1);
  let asked = 0;
  const fails = <T>(ask: () => Promise<T>): Promise<T> =>
    asked++ < times ? Promise.reject(error) : ask();
  const group: KafkaClient["group"] = (id) => ({
    ...double.client.group(id),
    describe: (options) => fails(() => double.client.group(id).describe(options)),
  });
  const metadata: KafkaClient["metadata"] = (topics, options) =>
    fails(() => double.client.metadata(topics, options));
  const random = { uuid: () => "u", next: () => 1 };
  const client = patientClient({ ...double.client, group, metadata }, {
    clock: double.clock,
    random,
    attemptsMax: 4,
  });
  return { client, clock: double.clock, asked: () => asked };
}

describe("patientClient", () => {
  test.each([[3, passing, 4, null], [4, passing, 4, "no broker"], [1, final, 1, "wrong password"]])(
    "%d failures (%s): asked %d times",
    async (times, error, asked, message) => {
      const { client, asked: count } = failing(times, error);
      const outcome = client.metadata(["t"], { signal }).then(() => null, (e: Error) => e.message);
      expect(await outcome).toBe(message);
      expect(count()).toBe(asked);
    },
  );

  test("waits longer each time", async () => {
    const { client, clock } = failing(3, passing);
    const startedMs = clock.nowMs();
    await client.group("g").describe({ signal });
    expect(clock.nowMs() - startedMs).toBe(400 + 800 + 1600);
  });
});
