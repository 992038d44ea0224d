import { afterEach, describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import path from "node:path";
import process from "node:process";
import { Encoder } from "./kafkajs-encoder.ts";
import type { KafkaClient } from "../../../src/core/kafka/kafka-client.ts";
import type { KafkaSettings } from "../../../src/core/kafka/kafka-settings.ts";
import { openKafkaClient } from "../../../src/core/kafka/open-kafka-client.ts";
import { kafkaRecordBatch } from "../../support/kafka-batches.ts";
import { projectRoot } from "../../support/project-root.ts";
import {
  apiVersions,
  startStubBroker,
  type StubAnswer,
  type StubBroker,
  type StubRequest,
} from "./stub-broker.ts";

const unaborted = { signal: new AbortController().signal };
const anHour = 3_600_000;
const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

async function stub(answer: (request: StubRequest) => StubAnswer): Promise<StubBroker> {
  const broker = await startStubBroker((request) =>
    request.api === "ApiVersions" ? apiVersions({}) : answer(request)
  );
  opened.push({ close: broker.stop });
  return broker;
}

async function rawStub(answer: (request: StubRequest) => StubAnswer): Promise<StubBroker> {
  const broker = await startStubBroker(answer);
  opened.push({ close: broker.stop });
  return broker;
}

function client(servers: readonly string[], changes: Partial<KafkaSettings> = {}): KafkaClient {
  const made = openKafkaClient({
    bootstrapServers: servers,
    clientId: "test",
    tls: null,
    sasl: null,
    connectionTimeoutMs: anHour,
    requestTimeoutMs: anHour,
    ...changes,
  });
  opened.unshift(made);
  return made;
}

/** Metadata version 5: one broker, no topics. */
function clusterOf(address: string): Buffer {
  const port = Number(address.split(":")[1]);
  const broker = new Encoder().writeInt32(1).writeString("127.0.0.1").writeInt32(port)
    .writeString(null);
  return new Encoder().writeInt32(0).writeArray([broker]).writeString("id").writeInt32(1)
    .writeArray([]).buffer;
}

const groupAnswers = {
  coordinator: ({ address }: StubBroker, code = 0) =>
    new Encoder().writeInt32(0).writeInt16(code).writeString(null).writeInt32(1)
      .writeString("127.0.0.1").writeInt32(Number(address.split(":")[1])).buffer,
  heartbeat: (code: number) => new Encoder().writeInt32(0).writeInt16(code).buffer,
};

describe("the Kafka client's connections", () => {
  test("go to the next bootstrap server, and stay with the one that answered", async () => {
    const gone = await stub(() => "silence");
    await gone.stop();
    let tries = 0;
    const hangsUp = await rawStub(() => {
      tries++;
      return "hang-up";
    });
    const good: StubBroker = await stub(() => clusterOf(good.address));
    const kafka = client([gone.address, hangsUp.address, good.address]);
    for (let call = 0; call < 2; call++) {
      const { brokers } = await kafka.metadata([], unaborted);
      expect(brokers).toEqual([{ nodeId: 1, address: good.address }]);
    }
    expect(good.requests.map(({ connection }) => connection)).toEqual([1, 1]);
    expect(tries).toBe(1);
  });

  test("tell all failures when no bootstrap server answers", async () => {
    const gone = await stub(() => "silence");
    await gone.stop();
    const hangsUp = await rawStub(() => "hang-up");
    const asking = client([gone.address, hangsUp.address]).metadata([], unaborted);
    expect(asking).rejects.toMatchObject({ code: "kafka", retryable: true });
    const { message } = await asking.catch((error: unknown) => error as Error) as Error;
    expect(message).toContain(`Connecting to Kafka broker ${gone.address} failed`);
    expect(message).toContain(`The first request to Kafka broker ${hangsUp.address} failed`);
  });

  test("end after the time limit when a broker does not answer, and are made anew", async () => {
    const broker: StubBroker = await stub(({ connection }) =>
      connection === 1 ? "silence" : clusterOf(broker.address)
    );
    const kafka = client([broker.address], { requestTimeoutMs: 50 });
    expect(kafka.metadata([], unaborted)).rejects.toMatchObject({
      code: "kafka",
      retryable: true,
      message: expect.stringContaining("within 50 ms (Metadata)") as string,
    });
    await kafka.metadata([], unaborted).catch(() => {});
    expect((await kafka.metadata([], unaborted)).brokers).toHaveLength(1);
  });

  test("that only take a connection are given up after the time limit", async () => {
    const frozen = await rawStub(() => "silence");
    const asking = client([frozen.address], { requestTimeoutMs: 50 }).metadata([], unaborted);
    expect(asking).rejects.toMatchObject({
      retryable: true,
      message: expect.stringContaining("ApiVersions") as string,
    });
    await asking.catch(() => {});
  });

  test("are made anew after the broker hung up", async () => {
    const broker: StubBroker = await stub(({ connection }) =>
      connection < 3 ? "hang-up" : clusterOf(broker.address)
    );
    const kafka = client([broker.address]);
    for (let call = 0; call < 2; call++) {
      const asking = kafka.metadata([], unaborted);
      expect(asking).rejects.toMatchObject({ code: "kafka", retryable: true });
      await asking.catch(() => {});
    }
    await kafka.metadata([], unaborted);
    expect(broker.requests.map(({ connection }) => connection)).toEqual([1, 2, 3]);
  });

  test("are waited for no longer than the caller wants, others wait on", async () => {
    let thaw = false;
    const waiting: (() => void)[] = [];
    const broker: StubBroker = await rawStub(({ api }) => {
      waiting.shift()?.();
      if (api === "ApiVersions") return thaw ? apiVersions({}) : "silence";
      return clusterOf(broker.address);
    });
    const kafka = client([broker.address]);
    const aborting = new AbortController();
    const reached = new Promise<void>((resolve) => waiting.push(resolve));
    const impatient = kafka.metadata([], { signal: aborting.signal });
    await reached;
    aborting.abort(new Error("enough"));
    expect(impatient).rejects.toThrow("enough");
    await impatient.catch(() => {});
    thaw = true;
    const patient = kafka.metadata([], unaborted);
    await kafka.close();
    expect(patient).rejects.toMatchObject({ code: "kafka", retryable: true });
    await patient.catch(() => {});
  });

  test("of an aborted request are left to those that still wait on them", async () => {
    const broker: StubBroker = await stub(({ body, connection }) => {
      if (body.includes("never")) return "silence";
      return connection === 1 && body.includes("late") ? "silence" : clusterOf(broker.address);
    });
    const kafka = client([broker.address]);
    const aborting = new AbortController();
    const first = kafka.metadata(["never"], { signal: aborting.signal });
    const other = kafka.metadata(["late"], unaborted);
    await broker.received(2);
    aborting.abort(new Error("enough"));
    expect(first).rejects.toThrow("enough");
    await first.catch(() => {});
    await kafka.metadata([], unaborted);
    expect(broker.requests.map(({ connection }) => connection)).toEqual([1, 1, 2]);
    await kafka.close();
    expect(other).rejects.toMatchObject({ retryable: true });
    await other.catch(() => {});
  });

  test("refuse to work with brokers that are too old", async () => {
    const broker = await rawStub(() => apiVersions({ Metadata: 3 }));
    expect(client([broker.address]).metadata(null, unaborted)).rejects.toMatchObject({
      code: "kafka",
      retryable: false,
      message: expect.stringContaining("does not speak Metadata in a version from 4") as string,
    });
  });

  test("tell an answer that cannot be read", async () => {
    const broker: StubBroker = await stub(() => clusterOf(broker.address).subarray(0, 20));
    expect(client([broker.address]).metadata(null, unaborted)).rejects.toMatchObject({
      retryable: false,
      message: expect.stringContaining("Metadata version 5 cannot be read") as string,
    });
  });

  test("keep no process alive once the client is closed, however far they had come", async () => {
    const frozen = await rawStub(() => "silence");
    const module = path.join(projectRoot, "src", "core", "kafka", "open-kafka-client.ts");
    const script = `
      import { openKafkaClient } from ${JSON.stringify(module)};
      const base = { clientId: "t", tls: null, sasl: null, connectionTimeoutMs: ${anHour},
        requestTimeoutMs: ${anHour} };
      const tls = { ca: null, certificate: null, key: null, keyPassphrase: null, verify: true };
      for (const each of [base, { ...base, tls }]) {
        const client = openKafkaClient({ ...each, bootstrapServers: ["${frozen.address}"] });
        const asking = client.metadata([], { signal: new AbortController().signal });
        await new Promise((resolve) => setTimeout(resolve, 50));
        await client.close();
        await asking.catch((error) => console.log(error.message));
      }`;
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "pipe" });
    expect(await new Response(child.stdout).text()).toContain("was closed");
    expect(await child.exited).toBe(0);
  });
});

describe("fetched data", () => {
  test("keep little more than themselves in memory", async () => {
    const large = kafkaRecordBatch([{ value: "v".repeat(60_000) }], { baseOffset: 0n });
    const small = kafkaRecordBatch([{ value: "v" }], { baseOffset: 4n });
    const broker: StubBroker = await stub(({ api }) =>
      api === "Metadata" ? clusterOf(broker.address) : fetchAnswer([large, small])
    );
    const partitions = [0, 1].map((partition) => (
      { topic: "t", partition, fetchOffset: 0n, bytesMax: 1 }
    ));
    const fetch = { nodeId: 1, partitions, bytesMax: 1, bytesMin: 1, waitMsMax: 0 };
    const answers = await client([broker.address]).fetch(fetch, unaborted);
    const bytes = answers.flatMap(({ data }) => data.map((each) => each.bytes));
    expect(bytes.map((each) => Buffer.compare(each, each === bytes[0] ? large : small)))
      .toEqual([0, 0]);
    for (const each of bytes) expect(each.buffer.byteLength).toBeLessThan(1.5 * each.length);
    expect(answers.map(({ nextOffset }) => nextOffset)).toEqual([1n, 5n]);
  });

  /** Fetch version 11. */
  function fetchAnswer(partitions: readonly Uint8Array[]): Buffer {
    const out = new Encoder().writeInt32(0).writeInt16(0).writeInt32(0).writeInt32(1)
      .writeString("t").writeInt32(partitions.length);
    partitions.forEach((records, partition) => {
      out.writeInt32(partition).writeInt16(0).writeInt64(9n).writeInt64(9n).writeInt64(0n)
        .writeInt32(-1).writeInt32(-1).writeBytes(Buffer.from(records));
    });
    return out.buffer;
  }
});

describe("the Kafka client's way to a coordinator", () => {
  const member = { memberId: "m", generationId: 1 };

  test.each<[string, number | "hang-up", number]>([
    ["is kept", 0, 1],
    ["is kept while the coordinator loads", 14, 1],
    ["is looked for again when it has moved", 16, 2],
    ["is looked for again when there is none", 15, 2],
    ["is looked for again when it hung up", "hang-up", 2],
  ])("%s", async (_, first, searches) => {
    let beats = 0;
    const broker: StubBroker = await stub(({ api }) => {
      if (api === "FindCoordinator") return groupAnswers.coordinator(broker);
      const told = beats++ === 0 ? first : 0;
      return told === "hang-up" ? told : groupAnswers.heartbeat(told);
    });
    const group = client([broker.address]).group("g");
    const told = await group.heartbeat(member, unaborted).catch((error: unknown) => error);
    const errors = { 0: null, 14: "COORDINATOR_LOAD_IN_PROGRESS", 15: "COORDINATOR_NOT_AVAILABLE" };
    if (first === "hang-up") expect(told).toMatchObject({ code: "kafka", retryable: true });
    else expect(told).toEqual({ error: { ...errors, 16: "NOT_COORDINATOR" }[first] ?? null });
    expect(await group.heartbeat(member, unaborted)).toEqual({ error: null });
    expect(broker.requests.filter(({ api }) => api === "FindCoordinator")).toHaveLength(searches);
  });

  test.each([[15, true, "COORDINATOR_NOT_AVAILABLE"], [30, false, "Allow Read on the group"]])(
    "that is not found (error %d) is told",
    async (code, retryable, message) => {
      const broker: StubBroker = await stub(() => groupAnswers.coordinator(broker, code));
      expect(client([broker.address]).group("g").heartbeat(member, unaborted)).rejects
        .toMatchObject(
          { code: "kafka", retryable, message: expect.stringContaining(message) as string },
        );
    },
  );

  test("is another one than that of a fetch that waits", async () => {
    const broker: StubBroker = await stub(({ api }) => {
      if (api === "Metadata") return clusterOf(broker.address);
      if (api === "FindCoordinator") return groupAnswers.coordinator(broker);
      return api === "Fetch" ? "silence" : groupAnswers.heartbeat(0);
    });
    const kafka = client([broker.address]);
    const partitions = [{ topic: "t", partition: 0, fetchOffset: 0n, bytesMax: 1 }];
    const fetch = { nodeId: 1, partitions, bytesMax: 1, bytesMin: 1, waitMsMax: 1000 };
    const waiting = kafka.fetch(fetch, unaborted);
    await broker.received(2);
    await kafka.group("g").heartbeat(member, unaborted);
    const connectionOf = (name: string) =>
      broker.requests.find(({ api }) => api === name)?.connection;
    expect(connectionOf("Heartbeat")).not.toBe(connectionOf("Fetch"));
    await kafka.close();
    expect(waiting).rejects.toMatchObject({ retryable: true });
    await waiting.catch(() => {});
  });
});
