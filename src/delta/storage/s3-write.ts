import type { PutIfAbsentOutcome } from "./object-store.ts";
import type { S3Context } from "./s3-context.ts";
import { encryptionOfObject } from "./s3-encryption.ts";
import { s3Failure } from "./s3-errors.ts";
import { joined, uploadInParts } from "./s3-multipart.ts";

/** Writes or replaces an object: one request, or an upload in parts when it is large. */
export async function putObject(
  context: S3Context,
  key: string,
  chunks: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<void> {
  const { settings, send } = context;
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (bytes > settings.multipartBytesMin) {
    return await uploadInParts(context, key, chunks, signal);
  }
  const request = { doing: `Cannot write "${key}"`, signal, bytes };
  await send(request, async ({ sdk, client }, abortSignal) => {
    const put = new sdk.PutObjectCommand({
      Bucket: settings.bucket,
      Key: key,
      Body: joined(chunks, bytes),
      ...encryptionOfObject(settings.encryption),
    });
    await client.send(put, { abortSignal });
  });
}

/** One PUT with `If-None-Match: *`. */
export async function putObjectIfAbsent(
  { settings, send }: S3Context,
  key: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<PutIfAbsentOutcome> {
  const doing = `Cannot create "${key}"`;
  const request = { doing, signal, bytes: bytes.length, isConditional: true };
  return await send(request, async ({ sdk, client }, abortSignal) => {
    const put = new sdk.PutObjectCommand({
      Bucket: settings.bucket,
      Key: key,
      Body: bytes,
      IfNoneMatch: "*",
      ...encryptionOfObject(settings.encryption),
    });
    try {
      await client.send(put, { abortSignal });
      return "created";
    } catch (error) {
      if (s3Failure(error).status === 412) return "exists";
      throw error;
    }
  });
}
