import { describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import { answerReader } from "../../../src/core/kafka/answer-reader.ts";
import { createTopicRequest } from "../../../src/core/kafka/create-topic-request.ts";
import { fetchRequest } from "../../../src/core/kafka/fetch-request.ts";
import {
  describeGroupRequest,
  findCoordinatorRequest,
  heartbeatRequest,
  joinGroupRequest,
  leaveGroupRequest,
  syncGroupRequest,
} from "../../../src/core/kafka/group-requests.ts";
import type { KafkaRequest } from "../../../src/core/kafka/kafka-request.ts";
import { listOffsetsRequest } from "../../../src/core/kafka/list-offsets-request.ts";
import { metadataRequest } from "../../../src/core/kafka/metadata-request.ts";
import {
  offsetCommitRequest,
  offsetFetchRequest,
} from "../../../src/core/kafka/offset-requests.ts";
import { produceRequest } from "../../../src/core/kafka/produce-request.ts";
import { requestWriter } from "../../../src/core/kafka/request-writer.ts";
import { kafkaRecordBatch } from "../../support/kafka-batches.ts";
import { Encoder } from "./kafkajs-encoder.ts";

/** kafkajs' own requests: another implementation than the one under test. */
const { requests } = createRequire(import.meta.url)("kafkajs/src/protocol/requests") as {
  readonly requests: Readonly<
    Record<string, {
      readonly versions: readonly string[];
      readonly protocol: (options: { version: number }) => (args: object) => {
        readonly request: { readonly encode: () => Promise<{ readonly buffer: Buffer }> };
      };
    }>
  >;
};

const metadata = Buffer.from("metadata");
const member = { memberId: "m-1", generationId: 7 };
const place = (topic: string, partition: number) => ({ topic, partition });
const long = "x".repeat(3000);

/** Our request, kafkajs' name of it, and what kafkajs takes for the same. */
const pairs: readonly [KafkaRequest<unknown>, string, object][] = [
  [
    fetchRequest({
      nodeId: 1,
      partitions: [
        { ...place("a", 2), fetchOffset: 2n ** 40n, bytesMax: 10 },
        { ...place("a", 0), fetchOffset: 0n, bytesMax: 11 },
        { ...place(long, 1), fetchOffset: 5n, bytesMax: 12 },
        { ...place("a", 1), fetchOffset: 6n, bytesMax: 13 },
      ],
      bytesMax: 1000,
      bytesMin: 1,
      waitMsMax: 500,
    }),
    "Fetch",
    {
      maxWaitTime: 500,
      minBytes: 1,
      maxBytes: 1000,
      topics: [
        {
          topic: "a",
          partitions: [
            { partition: 2, fetchOffset: String(2n ** 40n), maxBytes: 10 },
            { partition: 0, fetchOffset: "0", maxBytes: 11 },
          ],
        },
        { topic: long, partitions: [{ partition: 1, fetchOffset: "5", maxBytes: 12 }] },
        { topic: "a", partitions: [{ partition: 1, fetchOffset: "6", maxBytes: 13 }] },
      ],
    },
  ],
  [
    listOffsetsRequest([place("a", 2), place("a", 3)], { kind: "time", timestampMs: 1234 }),
    "ListOffsets",
    {
      topics: [{
        topic: "a",
        partitions: [{ partition: 2, timestamp: "1234" }, { partition: 3, timestamp: "1234" }],
      }],
    },
  ],
  [
    listOffsetsRequest([place("a", 2)], { kind: "start" }),
    "ListOffsets",
    { topics: [{ topic: "a", partitions: [{ partition: 2, timestamp: "-2" }] }] },
  ],
  [
    listOffsetsRequest([place("a", 2)], { kind: "stable-end" }),
    "ListOffsets",
    { topics: [{ topic: "a", partitions: [{ partition: 2, timestamp: "-1" }] }] },
  ],
  [metadataRequest(["a", "ü"]), "Metadata", { topics: ["a", "ü"], allowAutoTopicCreation: false }],
  [metadataRequest(null), "Metadata", { topics: [], allowAutoTopicCreation: false }],
  [findCoordinatorRequest("g"), "GroupCoordinator", { groupId: "g" }],
  [
    joinGroupRequest("g", {
      memberId: "m-1",
      sessionTimeoutMs: 1000,
      rebalanceTimeoutMs: 2000,
      protocol: "sticky",
      metadata,
    }),
    "JoinGroup",
    {
      groupId: "g",
      sessionTimeout: 1000,
      rebalanceTimeout: 2000,
      memberId: "m-1",
      protocolType: "consumer",
      groupProtocols: [{ name: "sticky", metadata }],
    },
  ],
  [
    syncGroupRequest(
      "g",
      { ...member, assignments: [{ memberId: "m-2", assignment: metadata }] },
      0,
    ),
    "SyncGroup",
    { groupId: "g", ...member, groupAssignment: [{ memberId: "m-2", memberAssignment: metadata }] },
  ],
  [
    heartbeatRequest("g", member),
    "Heartbeat",
    { groupId: "g", memberId: "m-1", groupGenerationId: 7 },
  ],
  [leaveGroupRequest("g", "m-1"), "LeaveGroup", { groupId: "g", memberId: "m-1" }],
  [describeGroupRequest("g"), "DescribeGroups", { groupIds: ["g"] }],
  [
    offsetFetchRequest("g", [place("a", 2)]),
    "OffsetFetch",
    { groupId: "g", topics: [{ topic: "a", partitions: [{ partition: 2 }] }] },
  ],
  [
    offsetCommitRequest("g", member, [{ ...place("a", 2), offset: 2n ** 62n, metadata: "mark" }]),
    "OffsetCommit",
    {
      groupId: "g",
      memberId: "m-1",
      groupGenerationId: 7,
      retentionTime: -1,
      topics: [{
        topic: "a",
        partitions: [{ partition: 2, offset: String(2n ** 62n), metadata: "mark" }],
      }],
    },
  ],
  [
    createTopicRequest(
      { topic: "a", partitions: 3, replicationFactor: 2, config: { "cleanup.policy": "compact" } },
      900,
    ),
    "CreateTopics",
    {
      topics: [{
        topic: "a",
        numPartitions: 3,
        replicationFactor: 2,
        configEntries: [{ name: "cleanup.policy", value: "compact" }],
      }],
      timeout: 900,
    },
  ],
];

describe("requests", () => {
  const cases = pairs.flatMap(([ours, name, args]) => {
    const { versionMin, versionMax } = ours;
    const both = requests[name]?.versions.map(Number)
      .filter((version) => version >= versionMin && version <= versionMax) ?? [];
    return both.map((version) => [`${ours.name} ${version}`, ours, name, args, version] as const);
  });

  test("are compared in the versions that both sides have", () => {
    expect(cases.length).toBeGreaterThan(35);
  });

  test.each(cases)("%s is what kafkajs writes", async (_, ours, name, args, version) => {
    const theirs = await requests[name]?.protocol({ version })(args).request.encode();
    expect(written(ours, version, false).toString("hex")).toBe(
      theirs?.buffer.toString("hex") ?? "",
    );
  });

  test("a produced record is a record batch as brokers check it", () => {
    const key = Buffer.from("k");
    const request = produceRequest({ ...place("a", 2), key, value: null }, 1_700_000_000_000, 99);
    const batch = Buffer.from(kafkaRecordBatch([{ key, value: null }], {
      baseOffset: 0n,
      baseTimestampMs: 1_700_000_000_000,
    }));
    // The leader's epoch, which the broker sets.
    batch.writeInt32BE(-1, 12);
    const expected = new Encoder().writeString(null).writeInt16(-1).writeInt32(99).writeInt32(1)
      .writeString("a").writeInt32(1).writeInt32(2).writeBytes(batch).buffer;
    expect(written(request, 7, false).toString("hex")).toBe(expected.toString("hex"));
  });

  test("of flexible versions have compact lengths and tags", () => {
    const name = "n".repeat(200);
    const id = Buffer.alloc(16);
    const item = (topic: string) =>
      new Encoder().writeBuffer(id).writeUVarIntString(topic).writeUVarInt(0).buffer;
    const tail = (version: number) => Buffer.alloc(version <= 10 ? 4 : 3);
    for (const version of [10, 11, 12]) {
      const expected = new Encoder().writeUVarInt(3).writeBuffer(item("a")).writeBuffer(item(name))
        .writeBuffer(tail(version)).buffer;
      expect(written(metadataRequest(["a", name]), version, true)).toEqual(expected);
    }
    expect(written(metadataRequest(null), 12, true)).toEqual(Buffer.alloc(4));
  });
});

describe("answers", () => {
  const records = Buffer.from("the record batches");

  /** One topic with a partition without an error and one with. */
  function fetchAnswer(version: number): Buffer {
    const out = new Encoder().writeInt32(35);
    if (version >= 7) out.writeInt16(0).writeInt32(0);
    out.writeInt32(1).writeString("a").writeInt32(2);
    for (const [partition, code, data] of [[3, 0, records], [4, 1, null]] as const) {
      out.writeInt32(partition).writeInt16(code).writeInt64(90n).writeInt64(80n);
      if (version >= 5) out.writeInt64(70n);
      if (code === 0) {
        out.writeInt32(2).writeInt64(2n ** 33n).writeInt64(5n).writeInt64(1n).writeInt64(4n);
      } else out.writeInt32(-1);
      if (version >= 11) out.writeInt32(-1);
      out.writeBytes(data);
    }
    return out.buffer;
  }

  const fetch = fetchRequest({ nodeId: 1, partitions: [], bytesMax: 1, bytesMin: 1, waitMsMax: 1 });

  test.each([4, 5, 6, 7, 8, 9, 10, 11])("Fetch %d is read without copying records", (version) => {
    const answer = fetchAnswer(version);
    const reader = answerReader(answer, false);
    const { error, partitions } = fetch.decode(reader, version);
    const logStartOffset = version >= 5 ? 70n : -1n;
    const common = { topic: "a", highWatermark: 90n, lastStableOffset: 80n, logStartOffset };
    expect(error).toBeNull();
    expect(partitions).toEqual([
      {
        ...common,
        partition: 3,
        error: null,
        abortedTransactions: [
          { producerId: 2n ** 33n, firstOffset: 5n },
          { producerId: 1n, firstOffset: 4n },
        ],
        records,
      },
      {
        ...common,
        partition: 4,
        error: "OFFSET_OUT_OF_RANGE",
        abortedTransactions: [],
        records: Buffer.alloc(0),
      },
    ]);
    expect(partitions[0]?.records.buffer).toBe(answer.buffer);
    expect(reader.throttledMs()).toBe(35);
  });

  test("that end early are an error at every length", () => {
    const answer = fetchAnswer(11);
    for (let length = 0; length < answer.length; length++) {
      const reader = answerReader(answer.subarray(0, length), false);
      expect(() => fetch.decode(reader, 11)).toThrow("ends early");
    }
  });

  test("of flexible versions are read past tags that nobody knows", () => {
    const id = Buffer.from("00112233445566778899aabbccddeeff", "hex");
    const tags = new Encoder().writeUVarInt(2).writeUVarInt(0).writeUVarInt(3)
      .writeBuffer(Buffer.from("abc")).writeUVarInt(9).writeUVarInt(0).buffer;
    const nodes = new Encoder().writeUVarInt(2).writeInt32(1).buffer;
    const partition = new Encoder().writeInt16(5).writeInt32(6).writeInt32(-1).writeInt32(3)
      .writeBuffer(nodes).writeBuffer(nodes).writeBuffer(nodes).writeBuffer(tags).buffer;
    const answer = new Encoder().writeInt32(0).writeUVarInt(2).writeInt32(1)
      .writeUVarIntString("::1").writeInt32(9092).writeUVarIntString(null).writeBuffer(tags)
      .writeUVarIntString("cluster").writeInt32(1).writeUVarInt(2).writeInt16(0)
      .writeUVarIntString("a").writeBuffer(id).writeBoolean(true).writeUVarInt(2)
      .writeBuffer(partition).writeInt32(0).writeBuffer(tags).writeUVarInt(0).buffer;
    expect(metadataRequest(null).decode(answerReader(answer, true), 12)).toEqual({
      brokers: [{ nodeId: 1, address: "[::1]:9092" }],
      controllerId: 1,
      topics: [{
        topic: "a",
        topicId: id.toString("hex"),
        internal: true,
        error: null,
        partitions: [{ partition: 6, leader: -1, error: "LEADER_NOT_AVAILABLE" }],
      }],
    });
  });

  test("of brokers without topic ids have none", () => {
    const partition = new Encoder().writeInt16(0).writeInt32(0).writeInt32(1).writeArray([1])
      .writeArray([1]).writeArray([]);
    const topic = new Encoder().writeInt16(0).writeString("a").writeBoolean(false)
      .writeArray([partition]);
    const answer = new Encoder().writeInt32(0).writeArray([]).writeString(null).writeInt32(-1)
      .writeArray([topic]).buffer;
    const { topics } = metadataRequest(null).decode(answerReader(answer, false), 5);
    expect(topics).toEqual([{
      topic: "a",
      topicId: "",
      internal: false,
      error: null,
      partitions: [{ partition: 0, leader: 1, error: null }],
    }]);
  });

  test("to OffsetFetch that fail as a whole fail for each partition", () => {
    const answer = new Encoder().writeInt32(0).writeArray([]).writeInt16(14).buffer;
    expect(offsetFetchRequest("g", [place("a", 2)]).decode(answerReader(answer, false), 5))
      .toEqual([{
        ...place("a", 2),
        offset: -1n,
        metadata: "",
        error: "COORDINATOR_LOAD_IN_PROGRESS",
      }]);
  });

  test.each([[100, "UNKNOWN_TOPIC_ID"], [-1, "UNKNOWN_SERVER_ERROR"], [9999, "ERROR_9999"]])(
    "have Kafka's name for error %d",
    (code, name) => {
      const answer = new Encoder().writeInt32(0).writeInt16(code).buffer;
      expect(heartbeatRequest("g", member).decode(answerReader(answer, false), 1))
        .toEqual({ error: name });
    },
  );
});

function written(request: KafkaRequest<unknown>, version: number, flexible: boolean): Buffer {
  const writer = requestWriter(flexible);
  request.encode(writer, version);
  return writer.written();
}
