import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { subStore } from "../../../src/delta/storage/object-store.ts";
import { openStore } from "../../../src/delta/storage/open-store.ts";
import { s3Store } from "../../../src/delta/storage/s3-store.ts";
import {
  bytesOf,
  codeOf,
  errorOf,
  keysOf,
  objectStoreSuite,
  textOf,
} from "../../suites/object-store.ts";
import { minioMissing, startMinio } from "../../support/minio.ts";

const { signal } = new AbortController();
const io = { signal };
const minio = await startMinio();
const bucket = `cdcdelta-test-${crypto.randomUUID().slice(0, 8)}`;

if (minio === null) {
  test.skip(`s3Store() against MinIO: ${minioMissing}`, () => {});
} else {
  const { endpoint, accessKey: accessKeyId, secretKey: secretAccessKey } = minio;
  const options = { endpoint, bucket, credentials: { accessKeyId, secretAccessKey } };
  const store = s3Store(options);
  beforeAll(() => minio.makeBucket(bucket));
  afterAll(async () => {
    store.close();
    await minio.stop();
  });
  objectStoreSuite("s3Store()", async () => ({
    store: subStore(store, `suite/${crypto.randomUUID()}`),
    close: async () => {},
  }));
}
