import type { AnswerReader } from "./answer-reader.ts";
import type { RequestWriter } from "./request-writer.ts";

/** One request of Kafka's protocol with how its answer is read. */
export type KafkaRequest<Answer> = {
  /** Kafka's name, such as `Fetch`. */
  readonly name: string;
  readonly apiKey: number;
  /** The versions that we speak; the highest that the broker speaks too is taken. */
  readonly versionMin: number;
  readonly versionMax: number;
  /** From this version on the flexible form is used; null: none of ours is flexible. */
  readonly flexibleFrom: number | null;
  /** How long the broker may hold the answer back before our own time limit begins. */
  readonly waitMsMax: number;
  readonly encode: (writer: RequestWriter, version: number) => void;
  readonly decode: (reader: AnswerReader, version: number) => Answer;
};
