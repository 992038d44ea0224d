import { readFileSync } from "node:fs";
import { type ObjectStore, type StoredFile, subStore } from "../delta/storage/object-store.ts";
import { openStore } from "../delta/storage/open-store.ts";
import {
  type RetryEvent,
  retryingStore,
  type RetryOptions,
} from "../delta/storage/retrying-store.ts";
import type { S3Encryption, S3Options } from "../delta/storage/s3-options.ts";
import { formatTableUri, parseTableUri } from "../delta/storage/table-uri.ts";
import { CdcDeltaError, messageOf } from "../errors.ts";
import { systemClock } from "./clock.ts";
import { proxyFor } from "./proxy.ts";
import { systemRandom } from "./random.ts";
import type { Settings } from "./settings/settings.ts";
import { type StoreWatcher, watchedStore } from "./watch/watched-store.ts";

type StoreSettings = Pick<
  Settings,
  | "s3Endpoint"
  | "s3Region"
  | "s3PathStyle"
  | "s3AccessKeyId"
  | "s3SecretAccessKey"
  | "s3SessionToken"
  | "s3Profile"
  | "s3ServerSideEncryption"
  | "s3KmsKeyId"
  | "caBundle"
  | "httpProxy"
  | "httpsProxy"
  | "proxyBypass"
  | "retries"
>;

/** Who hears of calls: of each that is repeated, and of how each was answered. */
export type StoreWatch = {
  readonly onRetry?: (event: RetryEvent) => void;
  readonly watch?: StoreWatcher;
};

/** Opens stores by location; locations in one bucket share their connections. */
export type StoreAccess = {
  /** The store rooted at a location; its calls are repeated where that is safe. */
  open(uri: string): ObjectStore;
  /** The same, but no call is repeated. */
  openOnce(uri: string): ObjectStore;
  /**
   * Finds files that a table's log has elsewhere, by path or URI: in its bucket, or for a local table
   * in any local folder.
   */
  outsideOf(tableUri: string): (uri: string) => StoredFile | null;
  /** How calls are repeated. */
  readonly retry: RetryOptions;
  close(): void;
};

/** Stores as the settings say. Errors: `usage`. */
export function storeAccess(
  settings: StoreSettings,
  { onRetry = () => undefined, watch = () => undefined }: StoreWatch = {},
): StoreAccess {
  const buckets = new Map<string, ObjectStore & { close(): void }>();
  const retry: RetryOptions = {
    clock: systemClock,
    random: systemRandom,
    attemptsMax: settings.retries,
    onRetry,
  };
  const openOnce = (uri: string): ObjectStore => {
    const location = parseTableUri(uri);
    switch (location.kind) {
      case "local":
        return watchedStore(openStore(formatTableUri(location)), watch);
      case "s3": {
        const { bucket, prefix } = location;
        const known = buckets.get(bucket);
        const store = known ?? openStore(`s3://${bucket}`, { s3: s3Options(settings) });
        buckets.set(bucket, store);
        return watchedStore(subStore(store, prefix), watch);
      }
    }
  };
  const open = (uri: string): ObjectStore => retryingStore(openOnce(uri), retry);
  return {
    open,
    openOnce,
    outsideOf: (tableUri) => (uri) => openOutside(open, tableUri, uri),
    retry,
    close() {
      for (const store of buckets.values()) store.close();
    },
  };
}

function openOutside(
  open: (uri: string) => ObjectStore,
  tableUri: string,
  uri: string,
): StoredFile | null {
  const table = parseTableUri(tableUri);
  const slash = uri.lastIndexOf("/");
  const key = uri.slice(slash + 1);
  const folder = uri.slice(0, slash);
  if (key === "" || folder === "") return null;
  if (table.kind === "local") return folder.startsWith("/") ? { store: open(folder), key } : null;
  const isInBucket = `${folder}/`.startsWith(`s3://${table.bucket}/`);
  return isInBucket ? { store: open(folder), key } : null;
}

/** The options of the S3 store that settings stand for; reads the certificate file. */
export function s3Options(settings: StoreSettings): Omit<S3Options, "bucket"> {
  const { s3Endpoint, s3Profile, s3AccessKeyId, s3SecretAccessKey, s3SessionToken } = settings;
  const proxyUrl = proxyFor(s3Endpoint ?? "https://s3.amazonaws.com", settings);
  const encryption = encryptionOf(settings);
  const withKeys = s3AccessKeyId !== null && s3SecretAccessKey !== null;
  return {
    region: settings.s3Region,
    pathStyle: settings.s3PathStyle === "true",
    ...(s3Endpoint === null ? {} : { endpoint: s3Endpoint }),
    ...(withKeys
      ? {
        credentials: {
          accessKeyId: s3AccessKeyId,
          secretAccessKey: s3SecretAccessKey,
          ...(s3SessionToken === null ? {} : { sessionToken: s3SessionToken }),
        },
      }
      : {}),
    ...(s3Profile === null || withKeys ? {} : { profile: s3Profile }),
    ...(settings.caBundle === null ? {} : { caPem: readCertificates(settings.caBundle) }),
    ...(proxyUrl === null ? {} : { proxyUrl }),
    ...(encryption === null ? {} : { encryption }),
  };
}

function encryptionOf({ s3ServerSideEncryption, s3KmsKeyId }: StoreSettings): S3Encryption | null {
  switch (s3ServerSideEncryption) {
    case "none":
      return null;
    case "AES256":
      return { kind: "aes256" };
    case "aws:kms":
      return { kind: "kms", ...(s3KmsKeyId === null ? {} : { keyId: s3KmsKeyId }) };
  }
}

function readCertificates(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new CdcDeltaError(
      "usage",
      `Cannot read the certificates in "${path}": ${messageOf(cause)}. Correct --ca-bundle ` +
        "(CDCDELTA_CA_BUNDLE, AWS_CA_BUNDLE)",
      { cause },
    );
  }
}
