import { Buffer } from "node:buffer";
import { crc32c } from "../event/crc32c.ts";
import { errorName } from "./error-names.ts";
import type { NewRecord, ProducedRecord } from "./kafka-client.ts";
import type { KafkaRequest } from "./kafka-request.ts";

/** Writes one record, acknowledged by all in-sync replicas. `timestampMs`: its create time. */
export function produceRequest(
  record: NewRecord,
  timestampMs: number,
  timeoutMs: number,
): KafkaRequest<ProducedRecord> {
  return {
    name: "Produce",
    apiKey: 0,
    versionMin: 3,
    versionMax: 7,
    flexibleFrom: null,
    waitMsMax: timeoutMs,
    encode(writer) {
      writer.string(null);
      writer.int16(-1);
      writer.int32(timeoutMs);
      writer.array([record], ({ topic }) => {
        writer.string(topic);
        writer.array([record], ({ partition }) => {
          writer.int32(partition);
          writer.bytes(recordBatchOf(record, timestampMs));
        });
      });
    },
    decode(reader, version) {
      const topics = reader.array(() => {
        reader.string();
        return reader.array((): ProducedRecord => {
          reader.int32();
          const error = errorName(reader.int16());
          const offset = reader.int64();
          reader.int64();
          if (version >= 5) reader.int64();
          return { offset, error };
        });
      });
      reader.throttle();
      return topics.flat()[0] ?? { offset: -1n, error: "UNKNOWN_SERVER_ERROR" };
    },
  };
}

/** A batch of one record, uncompressed, of no producer id. */
function recordBatchOf(record: NewRecord, timestampMs: number): Buffer {
  const body = Buffer.concat([
    Buffer.from([0, 0, 0]),
    varint(record.key?.length ?? -1),
    record.key ?? noBytes,
    varint(record.value?.length ?? -1),
    record.value ?? noBytes,
    varint(0),
  ]);
  const records = Buffer.concat([varint(body.length), body]);
  const header = Buffer.alloc(headerBytes);
  header.writeInt32BE(headerBytes - 12 + records.length, 8);
  header.writeInt32BE(-1, 12);
  header.writeInt8(2, 16);
  header.writeBigInt64BE(BigInt(timestampMs), 27);
  header.writeBigInt64BE(BigInt(timestampMs), 35);
  header.writeBigInt64BE(-1n, 43);
  header.writeInt16BE(-1, 51);
  header.writeInt32BE(-1, 53);
  header.writeInt32BE(1, 57);
  const batch = Buffer.concat([header, records]);
  batch.writeUInt32BE(crc32c(batch, crcStart, batch.length), 17);
  return batch;
}

const headerBytes = 61;
const crcStart = 21;
const noBytes = Buffer.alloc(0);

/** Zigzag, seven bits a byte, the lowest first. */
function varint(value: number): Buffer {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  const bytes = [];
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
