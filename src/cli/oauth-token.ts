import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { CdcDeltaError, messageOf } from "../errors.ts";
import { oauthTokenTimeoutMs } from "../limits.ts";
import type { Settings } from "./settings/settings.ts";

type OauthSettings = Pick<
  Settings,
  | "kafkaOauthToken"
  | "kafkaOauthTokenFile"
  | "kafkaOauthTokenUrl"
  | "kafkaOauthClientId"
  | "kafkaOauthClientSecret"
  | "kafkaOauthScope"
>;

/** Gets a token for one authentication. Errors: `kafka`, retryable where asking again may help. */
export type TokenSource = (options: { readonly signal: AbortSignal }) => Promise<string>;

/** The way to tokens that the settings name: a fixed one, a file, or a token URL. Errors: `usage`. */
export function tokenSource(settings: OauthSettings): TokenSource {
  const { kafkaOauthToken, kafkaOauthTokenFile, kafkaOauthTokenUrl } = settings;
  if (kafkaOauthToken !== null) return () => Promise.resolve(kafkaOauthToken);
  if (kafkaOauthTokenFile !== null) return ({ signal }) => tokenInFile(kafkaOauthTokenFile, signal);
  const { kafkaOauthClientId, kafkaOauthClientSecret, kafkaOauthScope } = settings;
  if (
    kafkaOauthTokenUrl === null || kafkaOauthClientId === null || kafkaOauthClientSecret === null
  ) {
    throw new CdcDeltaError("usage", "Cannot authenticate by OAUTHBEARER: no token is set");
  }
  const request = {
    url: kafkaOauthTokenUrl,
    id: kafkaOauthClientId,
    secret: kafkaOauthClientSecret,
    scope: kafkaOauthScope,
  };
  return ({ signal }) => tokenByCredentials(request, signal);
}

async function tokenInFile(path: string, signal: AbortSignal): Promise<string> {
  try {
    const token = (await readFile(path, { encoding: "utf8", signal })).trim();
    if (token !== "") return token;
  } catch (cause) {
    signal.throwIfAborted();
    throw new CdcDeltaError(
      "kafka",
      `Cannot read the token for Kafka in "${path}": ${messageOf(cause)}. Correct ` +
        "KAFKA_SASL_OAUTHBEARER_TOKEN_FILE, or the file's permissions",
      { cause, context: { file: path } },
    );
  }
  // Whoever renews the token may be writing it just now.
  throw new CdcDeltaError("kafka", `Cannot authenticate with Kafka: "${path}" holds no token`, {
    retryable: true,
    context: { file: path },
  });
}

type CredentialsRequest = {
  readonly url: string;
  readonly id: string;
  readonly secret: string;
  readonly scope: string | null;
};

/** OAuth 2.0 client credentials (RFC 6749 §4.4), the client in the Authorization header. */
async function tokenByCredentials(
  { url, id, secret, scope }: CredentialsRequest,
  signal: AbortSignal,
): Promise<string> {
  const client = Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`);
  const form = new URLSearchParams({ grant_type: "client_credentials" });
  if (scope !== null) form.set("scope", scope);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: {
        authorization: `Basic ${client.toString("base64")}`,
        "content-type": "application/x-www-form-urlencoded",
        accept: "application/json",
      },
      body: form.toString(),
      signal: AbortSignal.any([signal, AbortSignal.timeout(oauthTokenTimeoutMs)]),
    });
    text = await response.text();
  } catch (cause) {
    signal.throwIfAborted();
    throw failure(url, messageOf(cause), { retryable: true, cause });
  }
  if (!response.ok) {
    const retryable = response.status >= 500 || response.status === 429;
    // The body names the fault (invalid_client and the like), never the secret.
    const why = `HTTP ${response.status} ${errorWord(text)}`.trim();
    throw failure(url, `${why}. Check the client id, secret and scope`, { retryable });
  }
  const token = member(text, "access_token");
  if (token === null || token === "") {
    throw failure(url, "the answer holds no access_token", { retryable: false });
  }
  return token;
}

function failure(
  url: string,
  why: string,
  options: { readonly retryable: boolean; readonly cause?: unknown },
): CdcDeltaError {
  return new CdcDeltaError("kafka", `Cannot get a token for Kafka from ${url}: ${why}`, options);
}

function errorWord(text: string): string {
  return member(text, "error") ?? "";
}

function member(text: string, name: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return null;
    const found = (value as Record<string, unknown>)[name];
    return typeof found === "string" ? found : null;
  } catch {
    return null;
  }
}
