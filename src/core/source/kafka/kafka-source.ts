import type { Source } from "../source.ts";
import type { KafkaSourceOptions } from "./kafka-source-options.ts";

export type KafkaSource = Source & {
  /** For the readiness of the process. */
  status(): KafkaSourceStatus;
};

export type KafkaSourceStatus = {
  /** The last request of each kind was answered. */
  readonly connected: boolean;
  /** The group gave us partitions (maybe none), and did not take them back since. */
  readonly assigned: boolean;
  readonly memberId: string;
  readonly generation: number;
  readonly lanes: number;
};

/** A constructor of Kafka sources, so that wiring can be written against it. */
export type KafkaSourceFactory = (options: KafkaSourceOptions) => KafkaSource;
