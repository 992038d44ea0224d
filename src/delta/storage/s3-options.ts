import { Buffer } from "node:buffer";
import { CdcDeltaError } from "../../errors.ts";

/** How objects are encrypted at rest. `customer` is SSE-C: 32 bytes, needs https. */
export type S3Encryption =
  | { readonly kind: "aes256" }
  | { readonly kind: "kms"; readonly keyId?: string }
  | { readonly kind: "customer"; readonly key: Uint8Array };

/** Keys of one user. */
export type S3Credentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
};

/** How to reach a bucket. Everything but the bucket has a default. */
export type S3Options = {
  readonly bucket: string;
  /** `http(s)://host:port` of MinIO or another store; default is AWS. */
  readonly endpoint?: string;
  /** Default `us-east-1`. */
  readonly region?: string;
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`; default true with an endpoint. */
  readonly pathStyle?: boolean;
  /** Default: the AWS SDK's chain (environment, shared files, SSO, web identity, instance role). */
  readonly credentials?: S3Credentials;
  /** A profile of the shared AWS files, for the SDK's chain. */
  readonly profile?: string;
  /** Certificates (PEM text) to trust beside the system's. */
  readonly caPem?: string;
  /** `http(s)://[user:password@]host:port` of a proxy that can CONNECT. */
  readonly proxyUrl?: string;
  readonly encryption?: S3Encryption;
  /** Longest wait for a connection. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** Longest silence of a request, on top of the time its own bytes need. Default 60,000. */
  readonly requestTimeoutMs?: number;
  /** Connections kept at most. Default 64. */
  readonly connectionsMax?: number;
  /** Bytes from which `put` uploads in parts. Default 16 MiB. */
  readonly multipartBytesMin?: number;
  /** Size of a part, at least 5 MiB. Default 8 MiB. */
  readonly partBytes?: number;
};

/** `S3Options` with the defaults filled in. */
export type S3Settings = S3Options & {
  readonly region: string;
  readonly pathStyle: boolean;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly connectionsMax: number;
  readonly multipartBytesMin: number;
  readonly partBytes: number;
};

/** Fills in defaults and refuses (code `usage`) what cannot work. */
export function s3Settings(options: S3Options): S3Settings {
  const { encryption } = options;
  checkUrl("S3 endpoint", options.endpoint);
  checkUrl("proxy", options.proxyUrl);
  if (encryption?.kind === "customer" && encryption.key.length !== 32) {
    throw new CdcDeltaError(
      "usage",
      `Cannot encrypt with a customer key of ${encryption.key.length} bytes: SSE-C keys have 32`,
    );
  }
  return {
    ...options,
    region: options.region ?? "us-east-1",
    pathStyle: options.pathStyle ?? options.endpoint !== undefined,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 60_000,
    connectionsMax: options.connectionsMax ?? 64,
    multipartBytesMin: options.multipartBytesMin ?? 16 * 1024 * 1024,
    partBytes: Math.max(5 * 1024 * 1024, options.partBytes ?? 8 * 1024 * 1024),
  };
}

/** Texts that must never be shown: keys, tokens, passwords in URLs. */
export function secretsOf(options: S3Options): readonly string[] {
  const { credentials, encryption } = options;
  const secrets = [credentials?.secretAccessKey ?? "", credentials?.sessionToken ?? ""];
  if (encryption?.kind === "customer") {
    secrets.push(Buffer.from(encryption.key).toString("base64"));
  }
  for (const text of [options.endpoint, options.proxyUrl]) {
    const password = text === undefined ? "" : URL.parse(text)?.password ?? "";
    secrets.push(password, decodedOrSame(password));
  }
  return secrets.filter((secret) => secret !== "");
}

function decodedOrSame(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function checkUrl(what: string, text: string | undefined): void {
  if (text === undefined) return;
  const url = URL.parse(text);
  if (url !== null && (url.protocol === "http:" || url.protocol === "https:")) return;
  const shown = text.replace(/\/\/[^/@]*@/, "//***@");
  throw new CdcDeltaError(
    "usage",
    `Cannot use ${
      JSON.stringify(shown)
    } as the ${what}: write http://host:port or https://host:port`,
  );
}
