import { Buffer } from "node:buffer";
import { CdcDeltaError, messageOf } from "../../errors.ts";
import type { KafkaSasl } from "./kafka-settings.ts";
import type { KafkajsSasl } from "./kafkajs-internals.ts";

/** Kafka's name of the mechanism. */
export function mechanismOf(sasl: KafkaSasl): string {
  return sasl.kind.toUpperCase();
}

/**
 * Our settings in kafkajs' form. OAUTHBEARER has an exchange of our own: kafkajs takes the server's
 * refusal, which comes as an ordinary answer (RFC 7628), for success.
 */
export function saslExchange(sasl: KafkaSasl, signal: AbortSignal): KafkajsSasl {
  const mechanism = mechanismOf(sasl);
  if (sasl.kind !== "oauthbearer") {
    return { mechanism, username: sasl.username, password: sasl.password };
  }
  return {
    mechanism,
    authenticationProvider: ({ saslAuthenticate }) => ({
      async authenticate() {
        const token = await sasl.token({ signal }).catch(noToken);
        await saslAuthenticate({
          request: {
            encode: () => Promise.resolve(sized(`n,,\u0001auth=Bearer ${token}\u0001\u0001`)),
          },
          response: {
            decode: (answer) => Promise.resolve(answer),
            parse: (answer) => {
              const refusal = answer.subarray(4).toString("utf8");
              if (refusal.length > 0) throw new Error(`the token was not accepted: ${refusal}`);
            },
          },
        });
      },
    }),
  };
}

function noToken(error: unknown): never {
  if (error instanceof CdcDeltaError) throw error;
  throw new CdcDeltaError(
    "kafka",
    `A token for OAUTHBEARER could not be had: ${messageOf(error)}. Check ` +
      `KAFKA_SASL_OAUTHBEARER_*, and whether what issues the tokens runs.`,
    { retryable: true, cause: error },
  );
}

/** kafkajs sends what SASL exchanges as a whole, with its length in front. */
function sized(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  const size = Buffer.alloc(4);
  size.writeInt32BE(bytes.length);
  return Buffer.concat([size, bytes]);
}
