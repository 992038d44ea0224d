import { errorName } from "./error-names.ts";
import type { KafkaErrorName } from "./kafka-client.ts";
import type { KafkaRequest } from "./kafka-request.ts";

/** By API key. */
export type ApiVersions = Record<number, { minVersion: number; maxVersion: number }>;

/** Which requests and versions a broker speaks; every broker since Kafka 0.10 answers version 0. */
export function apiVersionsRequest(): KafkaRequest<
  { error: KafkaErrorName | null; versions: ApiVersions }
> {
  return {
    name: "ApiVersions",
    apiKey: 18,
    versionMin: 0,
    versionMax: 0,
    flexibleFrom: null,
    waitMsMax: 0,
    encode() {},
    decode(reader) {
      const error = errorName(reader.int16());
      const versions: ApiVersions = {};
      reader.array(() => {
        const apiKey = reader.int16();
        versions[apiKey] = { minVersion: reader.int16(), maxVersion: reader.int16() };
      });
      return { error, versions };
    },
  };
}
