import {
  BucketAlreadyOwnedByYou,
  CreateBucketCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  S3Client,
} from "@aws-sdk/client-s3";
import type { ObjectStore } from "../../src/delta/storage/object-store.ts";
import { s3Store } from "../../src/delta/storage/s3-store.ts";
import type { LiveStack } from "./live-stack.ts";

/** Makes a bucket in the stack's MinIO, unless we have it already. */
export async function makeBucket(stack: LiveStack, name: string): Promise<void> {
  const client = s3Client(stack);
  await client.send(new CreateBucketCommand({ Bucket: name })).catch((error: unknown) => {
    if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
  });
  client.destroy();
}

/** Deletes all objects whose names begin with a prefix. */
export async function deleteObjects(
  stack: LiveStack,
  bucket: string,
  prefix: string,
): Promise<void> {
  const client = s3Client(stack);
  for (;;) {
    const { Contents: found = [] } = await client.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }),
    );
    if (found.length === 0) break;
    const objects = found.map(({ Key }) => ({ Key }));
    await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: objects } }));
  }
  client.destroy();
}

/** A bucket as cdcdelta itself sees it. */
export function openBucket({ urls, storeEnv }: LiveStack, bucket: string): ObjectStore {
  const credentials = {
    accessKeyId: storeEnv["MINIO_ACCESS_KEY"] ?? "",
    secretAccessKey: storeEnv["MINIO_SECRET_KEY"] ?? "",
  };
  return s3Store({ bucket, endpoint: urls.minio, credentials });
}

function s3Client({ urls, storeEnv }: LiveStack): S3Client {
  return new S3Client({
    endpoint: urls.minio,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: {
      accessKeyId: storeEnv["MINIO_ACCESS_KEY"] ?? "",
      secretAccessKey: storeEnv["MINIO_SECRET_KEY"] ?? "",
    },
  });
}
