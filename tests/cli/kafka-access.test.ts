import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { kafkaClientOf, kafkaSettingsOf } from "../../src/cli/kafka-access.ts";
import { resolveSettings } from "../../src/cli/settings/resolve-settings.ts";
import type { Settings } from "../../src/cli/settings/settings.ts";

const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-kafka-access-"));
const { signal } = new AbortController();
const pem = (name: string): string => `-----BEGIN ${name}-----\nAAAA\n-----END ${name}-----\n`;
const file = (name: string, text: string): string => {
  const at = path.join(folder, name);
  writeFileSync(at, text);
  return at;
};

function values(env: Readonly<Record<string, string>>): Settings {
  const all = { KAFKA_BOOTSTRAP_SERVERS: "a:1, b:2", ...env };
  const { resolved, problems } = resolveSettings({ flags: new Map(), env: all, file: null });
  expect(problems).toEqual([]);
  return resolved.values;
}

afterAll(() => rmSync(folder, { recursive: true }));

describe("kafkaSettingsOf()", () => {
  test("is plain by default", () => {
    expect(kafkaSettingsOf(values({}))).toEqual({
      bootstrapServers: ["a:1", "b:2"],
      clientId: "cdcdelta",
      tls: null,
      sasl: null,
      connectionTimeoutMs: 10_000,
      requestTimeoutMs: 30_000,
    });
    expect(kafkaClientOf(values({})).description).toBe("a:1,b:2");
  });

  test("reads certificates and keys, and takes the system's without", () => {
    const tls = { KAFKA_SECURITY_PROTOCOL: "SSL" };
    expect(kafkaSettingsOf(values({ ...tls, KAFKA_SSL_VERIFY: "false" })).tls).toEqual({
      ca: null,
      certificate: null,
      key: null,
      keyPassphrase: null,
      verify: false,
    });
    const env = {
      ...tls,
      KAFKA_SSL_CA_LOCATION: file("ca.pem", pem("CERTIFICATE")),
      KAFKA_SSL_CERTIFICATE_LOCATION: file("c.pem", pem("CERTIFICATE")),
      KAFKA_SSL_KEY_LOCATION: file("k.pem", pem("PRIVATE KEY")),
      KAFKA_SSL_KEY_PASSWORD: "p",
    };
    expect(kafkaSettingsOf(values(env)).tls).toEqual({
      ca: pem("CERTIFICATE"),
      certificate: pem("CERTIFICATE"),
      key: pem("PRIVATE KEY"),
      keyPassphrase: "p",
      verify: true,
    });
  });

  test("names the variable of a file that is none, or no PEM", () => {
    const tls = { KAFKA_SECURITY_PROTOCOL: "SASL_SSL", KAFKA_SASL_MECHANISM: "PLAIN" };
    const gone = { ...tls, KAFKA_SSL_CA_LOCATION: path.join(folder, "gone") };
    expect(() => kafkaSettingsOf(values(gone))).toThrow(/Cannot read .*KAFKA_SSL_CA_LOCATION/);
    const jks = { ...tls, KAFKA_SSL_CA_LOCATION: file("ca.jks", "\u00fe\u00ed") };
    expect(() => kafkaSettingsOf(values(jks))).toThrow(/not a PEM file.*KAFKA_SSL_CA_LOCATION/);
  });

  test.each([
    ["PLAIN", "plain"],
    ["SCRAM-SHA-256", "scram-sha-256"],
    ["SCRAM-SHA-512", "scram-sha-512"],
  ])("authenticates by %s", (mechanism, kind) => {
    const env = {
      KAFKA_SECURITY_PROTOCOL: "SASL_PLAINTEXT",
      KAFKA_SASL_MECHANISM: mechanism,
      KAFKA_SASL_USERNAME: "u",
      KAFKA_SASL_PASSWORD: "p",
    };
    expect(kafkaSettingsOf(values(env))).toMatchObject({
      tls: null,
      sasl: { kind, username: "u", password: "p" },
    });
  });
});

describe("tokens for OAUTHBEARER", () => {
  let server: Server;
  let url = "";
  const seen: { readonly authorization: string | undefined; readonly body: string }[] = [];
  let answer = { status: 200, body: '{"access_token":"abc"}' };

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    seen.push({ authorization: request.headers.authorization, body: await bodyOf(request) });
    response.writeHead(answer.status).end(answer.body);
  }

  beforeAll(async () => {
    server = createServer((request, response) => void take(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  });

  afterAll(() => {
    server.close().closeAllConnections();
  });

  function token(env: Readonly<Record<string, string>>): Promise<string> {
    const { sasl } = kafkaSettingsOf(values({
      KAFKA_SECURITY_PROTOCOL: "SASL_SSL",
      KAFKA_SASL_MECHANISM: "OAUTHBEARER",
      ...env,
    }));
    if (sasl?.kind !== "oauthbearer") throw new Error("not oauthbearer");
    return sasl.token({ signal });
  }
  const credentials = (): Readonly<Record<string, string>> => ({
    KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: url,
    KAFKA_SASL_OAUTHBEARER_CLIENT_ID: "me",
    KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET: "pa:ss",
    KAFKA_SASL_OAUTHBEARER_SCOPE: "kafka read",
  });

  test("may be fixed, or lie in a file that is read each time", async () => {
    expect(await token({ KAFKA_SASL_OAUTHBEARER_TOKEN: "fixed" })).toBe("fixed");
    const at = file("token", "one\n");
    expect(await token({ KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: at })).toBe("one");
    file("token", "two\n");
    expect(await token({ KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: at })).toBe("two");
    file("token", "\n");
    await expect(token({ KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: at })).rejects.toMatchObject({
      code: "kafka",
      retryable: true,
    });
    const gone = path.join(folder, "gone");
    await expect(token({ KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: gone })).rejects.toMatchObject({
      code: "kafka",
      retryable: false,
    });
  });

  test("are asked for by client credentials, encoded as RFC 6749 has it", async () => {
    answer = { status: 200, body: '{"access_token":"abc","expires_in":60}' };
    expect(await token(credentials())).toBe("abc");
    expect(seen.at(-1)).toEqual({
      authorization: `Basic ${btoa("me:pa%3Ass")}`,
      body: "grant_type=client_credentials&scope=kafka+read",
    });
  });

  test.each([
    [500, "", true, /HTTP 500/],
    [429, "", true, /HTTP 429/],
    [401, '{"error":"invalid_client"}', false, /HTTP 401 invalid_client/],
    [200, "<html>", false, /no access_token/],
  ])("are not had when the answer is %p %p", async (status, body, retryable, message) => {
    answer = { status, body };
    const asked = token(credentials());
    await expect(asked).rejects.toMatchObject({ code: "kafka", retryable });
    await expect(asked).rejects.toThrow(message);
    await expect(asked).rejects.not.toThrow("pa:ss");
  });
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of request.setEncoding("utf8")) text += String(part);
  return text;
}
