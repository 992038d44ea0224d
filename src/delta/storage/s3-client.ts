import type * as S3Sdk from "@aws-sdk/client-s3";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { rootCertificates } from "node:tls";
import type { S3Settings } from "./s3-options.ts";
import type { S3Connection } from "./s3-template.ts";

/** Loads the SDK (only runs that use S3 pay for it) and makes a client that never retries. */
export async function connectS3(settings: S3Settings): Promise<S3Connection> {
  const [sdk, { NodeHttpHandler }, agents] = await Promise.all([
    import("@aws-sdk/client-s3"),
    import("@smithy/node-http-handler"),
    openAgents(settings),
  ]);
  const handler = new NodeHttpHandler({
    ...agents,
    connectionTimeout: settings.connectTimeoutMs,
    logger: silentLogger,
  });
  const config: S3Sdk.S3ClientConfig = {
    region: settings.region,
    forcePathStyle: settings.pathStyle,
    // A PUT repeated below us would answer our own first one with 412.
    maxAttempts: 1,
    // Other stores do not know all of AWS's checksums; bodies are signed by SHA-256 anyway.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // Runtimes differ in whether they tell of `100 Continue`; waiting for it costs a second.
    expectContinueHeader: false,
    customUserAgent: "cdcdelta",
    logger: silentLogger,
    requestHandler: handler,
  };
  if (settings.endpoint !== undefined) config.endpoint = settings.endpoint;
  if (settings.credentials !== undefined) config.credentials = { ...settings.credentials };
  if (settings.profile !== undefined) config.profile = settings.profile;
  return { sdk, client: new sdk.S3Client(config), handler, template: null };
}

/** Warnings of the SDK (socket counts, deprecations) would land on the console. */
const silentLogger = {
  trace(): void {},
  debug(): void {},
  info(): void {},
  warn(): void {},
  error(): void {},
};

async function openAgents(settings: S3Settings) {
  const shared = { keepAlive: true, maxSockets: settings.connectionsMax };
  const trust = settings.caPem === undefined ? {} : { ca: [...rootCertificates, settings.caPem] };
  if (settings.proxyUrl === undefined) {
    return {
      httpAgent: new HttpAgent(shared),
      httpsAgent: new HttpsAgent({ ...shared, ...trust }),
    };
  }
  const { HttpProxyAgent, HttpsProxyAgent } = await import("hpagent");
  const proxied = { ...shared, proxy: settings.proxyUrl };
  return {
    httpAgent: new HttpProxyAgent(proxied),
    httpsAgent: new HttpsProxyAgent({ ...proxied, ...trust }),
  };
}
