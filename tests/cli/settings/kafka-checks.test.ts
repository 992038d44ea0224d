import { describe, expect, test } from "bun:test";
import { kafkaProblems } from "../../../src/cli/settings/kafka-checks.ts";
import { resolveSettings } from "../../../src/cli/settings/resolve-settings.ts";

type Env = Readonly<Record<string, string>>;

function problems(env: Env): string[] {
  const { resolved, problems: wrong } = resolveSettings({ flags: new Map(), env, file: null });
  expect(wrong).toEqual([]);
  return kafkaProblems(resolved.values, (key) => resolved.origins.get(key)?.place ?? key)
    .map(({ place, message, fix }) => `${place}: ${message}; ${fix}`);
}

const sasl = { KAFKA_SECURITY_PROTOCOL: "SASL_SSL" };
const plain = { ...sasl, KAFKA_SASL_MECHANISM: "PLAIN" };
const oauth = { ...sasl, KAFKA_SASL_MECHANISM: "OAUTHBEARER" };
const tls = { KAFKA_SECURITY_PROTOCOL: "SSL" };
const url = { KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: "https://id/token" };
const client = {
  KAFKA_SASL_OAUTHBEARER_CLIENT_ID: "i",
  KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET: "s",
};

describe("kafkaProblems()", () => {
  test.each<[Env]>([
    [{}],
    [{ ...plain, KAFKA_SASL_USERNAME: "u", KAFKA_SASL_PASSWORD: "p" }],
    [{
      KAFKA_SECURITY_PROTOCOL: "SASL_PLAINTEXT",
      KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
      KAFKA_SASL_USERNAME: "u",
      KAFKA_SASL_PASSWORD: "p",
    }],
    [{ ...oauth, KAFKA_SASL_OAUTHBEARER_TOKEN: "t" }],
    [{ ...oauth, KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: "/t" }],
    [{ ...oauth, ...url, ...client }],
    [{ ...tls, KAFKA_SSL_CA_LOCATION: "/ca" }],
    [{ ...tls, KAFKA_SSL_CERTIFICATE_LOCATION: "/c", KAFKA_SSL_KEY_LOCATION: "/k" }],
    [{ KAFKA_SESSION_TIMEOUT_MS: "6000", KAFKA_HEARTBEAT_INTERVAL_MS: "3000" }],
  ])("finds nothing wrong with %p", (env) => {
    expect(problems(env)).toEqual([]);
  });

  test.each<[Env, RegExp]>([
    [sasl, /^KAFKA_SECURITY_PROTOCOL: is SASL_SSL, but no SASL mechanism is set/],
    [{ KAFKA_SASL_PASSWORD: "p" }, /^KAFKA_SASL_PASSWORD: .*PLAINTEXT.*SASL_SSL/],
    [{ ...tls, KAFKA_SASL_MECHANISM: "PLAIN" }, /^KAFKA_SASL_MECHANISM: .*protocol is SSL/],
    [plain, /^KAFKA_SASL_MECHANISM: PLAIN needs .*KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD/],
    [{ ...plain, KAFKA_SASL_USERNAME: "u" }, /; set KAFKA_SASL_PASSWORD/],
    [oauth, /^KAFKA_SASL_MECHANISM: OAUTHBEARER needs a token/],
    [
      { ...oauth, ...url, ...client, KAFKA_SASL_OAUTHBEARER_TOKEN: "t" },
      /^KAFKA_SASL_OAUTHBEARER_TOKEN, KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: are several/,
    ],
    [{ ...oauth, ...url }, /TOKEN_ENDPOINT_URL: is set without a client id and secret/],
    [{ KAFKA_SSL_CA_LOCATION: "/ca" }, /^KAFKA_SSL_CA_LOCATION: .*does not encrypt/],
    [{ ...tls, KAFKA_SSL_CERTIFICATE_LOCATION: "/c" }, /without its key; set KAFKA_SSL_KEY_LOC/],
    [{ ...tls, KAFKA_SSL_KEY_LOCATION: "/k" }, /without its certificate; set KAFKA_SSL_CERT/],
    [{ ...tls, KAFKA_SSL_KEY_PASSWORD: "p" }, /^KAFKA_SSL_KEY_PASSWORD: is set without a key/],
    [{ KAFKA_SESSION_TIMEOUT_MS: "5000" }, /half of the session timeout/],
  ])("of %p says what is wrong", (env, problem) => {
    const found = problems({ ...env, ...("KAFKA_SESSION_TIMEOUT_MS" in env ? late : {}) });
    expect(found).toEqual([expect.stringMatching(problem)]);
  });
});

const late = { KAFKA_HEARTBEAT_INTERVAL_MS: "3000" };
