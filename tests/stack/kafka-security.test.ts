import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Buffer } from "node:buffer";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { KafkaSasl, KafkaSettings, KafkaTls } from "../../src/core/kafka/kafka-settings.ts";
import { openKafkaClient } from "../../src/core/kafka/open-kafka-client.ts";
import { requirement } from "../support/requirement.ts";
import { makeTopic, plainSettings, readAll, unaborted } from "./kafka-harness.ts";
import { partsOf, stack } from "./stack-command.ts";

setDefaultTimeout(120_000);

const missing = (await stack(["missing", "--only", "kafka"])).stdout.trim().replaceAll("\n", "; ");
const possible = requirement(
  missing === "" && Bun.which("openssl") !== null,
  `Kafka with TLS cannot start: ${missing === "" ? "openssl is missing" : missing}`,
);
const data = mkdtempSync(path.join(tmpdir(), "cdcdelta-kafka-security-"));

describe.skipIf(!possible)("Kafka with SASL and TLS", () => {
  let plainUrl = "";
  let broker: Security;

  beforeAll(async () => {
    const args = ["--only", "kafka", "--secure", "--ports", "auto", "--format", "json"];
    const up = await stack(["up", "--data", data, ...args, "--while-pid", String(process.pid)]);
    plainUrl = partsOf(up).get("kafka")?.url ?? "";
    const { parts } = JSON.parse(up.stdout) as { parts: readonly [{ security: Security }] };
    broker = parts[0].security;
    const client = openKafkaClient(plainSettings(plainUrl));
    const topic = await makeTopic(client, "guarded");
    await client.produce({ topic, partition: 0, key: null, value: Buffer.from("seen") }, unaborted);
    await client.close();
  });

  afterAll(async () => {
    await stack(["down", "--data", data, "--grace", "5"]);
    rmSync(data, { recursive: true, force: true });
  });

  const password = (changes: Partial<KafkaSasl> = {}): KafkaSasl => ({
    kind: "plain",
    username: broker.username,
    password: broker.password,
    ...changes,
  } as KafkaSasl);
  const tls = (changes: Partial<KafkaTls> = {}): KafkaTls => ({
    ca: pem(broker.ca),
    certificate: null,
    key: null,
    keyPassphrase: null,
    verify: true,
    ...changes,
  });
  const withCertificate = (): KafkaTls =>
    tls({ certificate: pem(broker.certificate), key: pem(broker.key) });
  const bearer = (lifetimeS: number): KafkaSasl => ({
    kind: "oauthbearer",
    token: () => Promise.resolve(unsignedToken(lifetimeS)),
  });

  async function read(settings: KafkaSettings): Promise<readonly string[]> {
    const client = openKafkaClient(settings);
    try {
      return (await readAll(client, { topic: "guarded", partition: 0 }, 0n, 1_000_000)).values;
    } finally {
      await client.close();
    }
  }

  test.each<[string, () => KafkaSettings]>([
    ["PLAIN", () => plainSettings(broker.saslUrl, { sasl: password() })],
    [
      "SCRAM-SHA-256",
      () => plainSettings(broker.saslUrl, { sasl: password({ kind: "scram-sha-256" }) }),
    ],
    [
      "SCRAM-SHA-512",
      () => plainSettings(broker.saslUrl, { sasl: password({ kind: "scram-sha-512" }) }),
    ],
    ["OAUTHBEARER", () => plainSettings(broker.saslUrl, { sasl: bearer(600) })],
    ["TLS and PLAIN", () => plainSettings(broker.saslTlsUrl, { tls: tls(), sasl: password() })],
    [
      "TLS and SCRAM-SHA-512",
      () =>
        plainSettings(broker.saslTlsUrl, { tls: tls(), sasl: password({ kind: "scram-sha-512" }) }),
    ],
    ["TLS by host name", () =>
      plainSettings(broker.saslTlsUrl.replace("127.0.0.1", "localhost"), {
        tls: tls(),
        sasl: password(),
      })],
    ["TLS unverified", () =>
      plainSettings(broker.saslTlsUrl, {
        tls: tls({ ca: null, verify: false }),
        sasl: password(),
      })],
    ["a client certificate", () => plainSettings(broker.tlsUrl, { tls: withCertificate() })],
    ["a client certificate with an encrypted key", () =>
      plainSettings(broker.tlsUrl, {
        tls: {
          ...withCertificate(),
          key: pem(broker.encryptedKey),
          keyPassphrase: broker.keyPassphrase,
        },
      })],
  ])("reads with %s", async (_, settings) => {
    expect(await read(settings())).toEqual(["seen"]);
  });

  test.each<[string, () => KafkaSettings, string]>([
    [
      "a wrong password",
      () => plainSettings(broker.saslUrl, { sasl: password({ password: "wrong" }) }),
      "Check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD",
    ],
    [
      "a wrong password with SCRAM",
      () =>
        plainSettings(broker.saslUrl, {
          sasl: password({ kind: "scram-sha-256", password: "wrong" }),
        }),
      "Check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD",
    ],
    [
      "an expired token",
      () => plainSettings(broker.saslUrl, { sasl: bearer(-60) }),
      'the token was not accepted: {"status":"invalid_token"}. Check the token',
    ],
    [
      "SASL where there is none",
      () => plainSettings(plainUrl, { sasl: password() }),
      "The port may be one without SASL: check KAFKA_SECURITY_PROTOCOL",
    ],
    [
      "another CA",
      () => plainSettings(broker.saslTlsUrl, { tls: tls({ ca: pem(broker.otherCa) }) }),
      "Set KAFKA_SSL_CA_LOCATION",
    ],
    [
      "no CA",
      () => plainSettings(broker.saslTlsUrl, { tls: tls({ ca: null }) }),
      "Set KAFKA_SSL_CA_LOCATION",
    ],
    [
      "no client certificate",
      () => plainSettings(broker.tlsUrl, { tls: tls() }),
      "The broker asks for a client certificate: set KAFKA_SSL_CERTIFICATE_LOCATION",
    ],
    [
      "a client certificate of another CA",
      () =>
        plainSettings(broker.tlsUrl, {
          tls: tls({ certificate: pem(broker.otherCertificate), key: pem(broker.otherKey) }),
        }),
      "The broker does not take the client certificate of KAFKA_SSL_CERTIFICATE_LOCATION",
    ],
    [
      "the key of another certificate",
      () =>
        plainSettings(broker.tlsUrl, { tls: { ...withCertificate(), key: pem(broker.otherKey) } }),
      "The key of KAFKA_SSL_KEY_LOCATION does not belong",
    ],
    [
      "a wrong passphrase",
      () =>
        plainSettings(broker.tlsUrl, {
          tls: { ...withCertificate(), key: pem(broker.encryptedKey), keyPassphrase: "wrong" },
        }),
      "Is KAFKA_SSL_KEY_PASSWORD right?",
    ],
  ])("is refused for good with %s, and told what to set", async (_, settings, message) => {
    const error = await failure(settings());
    expect(error.message).toContain(message);
    expect(error.retryable).toBe(false);
  });

  // The broker just hangs up in these cases, as it does when it is stopped: they are tried again.
  test.each<[string, () => KafkaSettings, string]>([
    [
      "no SASL where it is asked for",
      () => plainSettings(broker.saslUrl),
      "Does it ask for authentication? Then set KAFKA_SECURITY_PROTOCOL",
    ],
    [
      "no TLS where it is asked for",
      () => plainSettings(broker.tlsUrl),
      "Is this port for TLS? Then set KAFKA_SECURITY_PROTOCOL",
    ],
    [
      "TLS where there is none",
      () => plainSettings(plainUrl, { tls: tls() }),
      "is this port for TLS (KAFKA_SECURITY_PROTOCOL)",
    ],
  ])("is told what may be wrong with %s", async (_, settings, message) => {
    const error = await failure(settings());
    expect(error.message).toContain(message);
    expect(error.retryable).toBe(true);
  });

  async function failure(settings: KafkaSettings) {
    const error: unknown = await read(settings).catch((thrown: unknown) => thrown);
    return error as Error & { readonly retryable?: boolean };
  }

  test("authenticates anew before a session ends", async () => {
    let tokens = 0;
    const token = () => {
      tokens++;
      return Promise.resolve(unsignedToken(2));
    };
    const sasl = { kind: "oauthbearer" as const, token };
    const client = openKafkaClient(plainSettings(broker.saslUrl, { sasl }));
    // Each lasts 2 s; a broker that is asked with one that is over closes the connection.
    const until = Date.now() + 60_000;
    while (tokens < 3 && Date.now() < until) {
      await client.metadata([], unaborted);
      await sleep(50);
    }
    await client.metadata([], unaborted);
    await client.close();
    expect(tokens).toBeGreaterThanOrEqual(3);
  });
});

/** What `up --secure` tells of the listeners. */
type Security = Readonly<
  Record<
    | "saslUrl"
    | "tlsUrl"
    | "saslTlsUrl"
    | "username"
    | "password"
    | "ca"
    | "certificate"
    | "key"
    | "encryptedKey"
    | "keyPassphrase"
    | "otherCa"
    | "otherCertificate"
    | "otherKey",
    string
  >
>;

function pem(file: string): string {
  return readFileSync(file, "utf8");
}

/** A token without a signature, as brokers take them for tests. */
function unsignedToken(lifetimeS: number): string {
  const part = (content: object) => Buffer.from(JSON.stringify(content)).toString("base64url");
  const now = Date.now() / 1000;
  return `${part({ alg: "none" })}.${part({ sub: "bob", iat: now - 1, exp: now + lifetimeS })}.`;
}
