import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { cli } from "../cli/fake-world.ts";
import { requirement } from "../support/requirement.ts";
import { makeTopic, plainClient, unaborted } from "./kafka-harness.ts";
import { partsOf, stack } from "./stack-command.ts";

setDefaultTimeout(120_000);

const missing = (await stack(["missing", "--only", "kafka"])).stdout.trim().replaceAll("\n", "; ");
const openssl = requirement(Bun.which("openssl") !== null, "openssl is not installed");
const possible = requirement(missing === "", `Kafka cannot start: ${missing}`) && openssl;
const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-run-secure-"));
const data = path.join(folder, "stack");
const topic = "guarded.shop.orders";

type Security = Readonly<
  Record<
    | "saslUrl"
    | "tlsUrl"
    | "saslTlsUrl"
    | "username"
    | "password"
    | "ca"
    | "certificate"
    | "encryptedKey"
    | "keyPassphrase",
    string
  >
>;
type Env = Readonly<Record<string, string>>;

describe.skipIf(!possible)("cdcdelta run on Kafka with SASL and TLS", () => {
  let broker: Security;
  let tokens: Server;
  let tokenUrl = "";
  let runs = 0;

  beforeAll(async () => {
    const args = ["--only", "kafka", "--secure", "--ports", "auto", "--format", "json"];
    const up = await stack(["up", "--data", data, ...args, "--while-pid", String(process.pid)]);
    const { parts } = JSON.parse(up.stdout) as { parts: readonly [{ security: Security }] };
    broker = parts[0].security;
    const client = plainClient(partsOf(up).get("kafka")?.url ?? "");
    await makeTopic(client, topic);
    const value = Buffer.from(JSON.stringify(event));
    await client.produce({ topic, partition: 0, key: null, value }, unaborted);
    await client.close();
    tokens = createServer((_, response) => {
      response.end(JSON.stringify({ access_token: unsignedToken() }));
    });
    await new Promise<void>((resolve) => tokens.listen(0, "127.0.0.1", resolve));
    tokenUrl = `http://127.0.0.1:${(tokens.address() as AddressInfo).port}/token`;
  });

  afterAll(async () => {
    tokens.close().closeAllConnections();
    await stack(["down", "--data", data, "--grace", "5"]);
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (env: Env): ReturnType<typeof cli> => {
    const name = `run-${runs++}`;
    const all = {
      KAFKA_TOPIC_PATTERN: "guarded\\..*",
      KAFKA_CONSUMER_GROUP: name,
      DELTA_TABLE_BASE_PATH: path.join(folder, name),
      ...env,
    };
    return cli(["run", "--until-latest", "--workers", "0", "--format", "json"], { env: all });
  };
  const file = (name: string, text: string): string => {
    const at = path.join(folder, name);
    writeFileSync(at, text);
    return at;
  };
  const password = (mechanism: string): Env => ({
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: broker.username,
    KAFKA_SASL_PASSWORD_FILE: file("password", `${broker.password}\n`),
  });
  const saslTls = (): Env => ({
    KAFKA_BOOTSTRAP_SERVERS: broker.saslTlsUrl,
    KAFKA_SECURITY_PROTOCOL: "SASL_SSL",
    KAFKA_SSL_CA_LOCATION: broker.ca,
  });
  const oauth = (): Env => ({
    KAFKA_BOOTSTRAP_SERVERS: broker.saslUrl,
    KAFKA_SECURITY_PROTOCOL: "SASL_PLAINTEXT",
    KAFKA_SASL_MECHANISM: "OAUTHBEARER",
  });

  test.each<[string, () => Env]>([
    ["PLAIN over TLS", () => ({ ...saslTls(), ...password("PLAIN") })],
    ["SCRAM-SHA-256 over TLS", () => ({ ...saslTls(), ...password("SCRAM-SHA-256") })],
    ["SCRAM-SHA-512 over TLS", () => ({ ...saslTls(), ...password("SCRAM-SHA-512") })],
    ["a client certificate", () => ({
      KAFKA_BOOTSTRAP_SERVERS: broker.tlsUrl,
      KAFKA_SECURITY_PROTOCOL: "SSL",
      KAFKA_SSL_CA_LOCATION: broker.ca,
      KAFKA_SSL_CERTIFICATE_LOCATION: broker.certificate,
      KAFKA_SSL_KEY_LOCATION: broker.encryptedKey,
      KAFKA_SSL_KEY_PASSWORD: broker.keyPassphrase,
    })],
    ["a fixed token", () => ({ ...oauth(), KAFKA_SASL_OAUTHBEARER_TOKEN: unsignedToken() })],
    ["a token in a file", () => ({
      ...oauth(),
      KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: file("token", unsignedToken()),
    })],
    ["client credentials", () => ({
      ...oauth(),
      KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: tokenUrl,
      KAFKA_SASL_OAUTHBEARER_CLIENT_ID: "me",
      KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET: "s",
    })],
  ])("reads with %s", async (_, env) => {
    const { code, stdout } = await run(env());
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { rows: 1 }]);
  });

  test("does not try again what stays wrong, and prints no secret", async () => {
    const secret = "not-the-password";
    const env = { ...saslTls(), ...password("PLAIN"), KAFKA_SASL_PASSWORD: secret };
    const { code, stdout, stderr } = await run(env);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("KAFKA_SASL_PASSWORD");
    expect(stderr).not.toContain("kafka-retry");
    expect(stderr).not.toContain(secret);
  });
});

const event = {
  before: null,
  after: '{"_id":1}',
  source: { db: "shop", collection: "orders", ts_ms: 1, name: "cdc", connector: "mongodb" },
  op: "c",
  ts_ms: 1,
};

/** A token without a signature, as brokers take them for tests. */
function unsignedToken(): string {
  const part = (content: object) => Buffer.from(JSON.stringify(content)).toString("base64url");
  const now = Date.now() / 1000;
  return `${part({ alg: "none" })}.${part({ sub: "bob", iat: now - 1, exp: now + 600 })}.`;
}
