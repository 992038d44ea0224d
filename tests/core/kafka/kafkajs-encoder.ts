import type { Buffer } from "node:buffer";
import { createRequire } from "node:module";

/** kafkajs' own writer of Kafka's types: another implementation than the one under test. */
export type KafkajsEncoder = {
  readonly buffer: Buffer;
  writeInt8(value: number): KafkajsEncoder;
  writeInt16(value: number): KafkajsEncoder;
  writeInt32(value: number): KafkajsEncoder;
  writeInt64(value: bigint): KafkajsEncoder;
  writeBoolean(value: boolean): KafkajsEncoder;
  writeString(value: string | null): KafkajsEncoder;
  writeBytes(value: Buffer | null): KafkajsEncoder;
  writeBuffer(value: Buffer): KafkajsEncoder;
  writeArray(value: readonly (KafkajsEncoder | number | string)[]): KafkajsEncoder;
  writeUVarInt(value: number): KafkajsEncoder;
  writeUVarIntString(value: string | null): KafkajsEncoder;
};

export const Encoder = createRequire(import.meta.url)("kafkajs/src/protocol/encoder") as new () =>
KafkajsEncoder;
