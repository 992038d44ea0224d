import { CdcDeltaError } from "../../errors.ts";
import type { Upload } from "./object-store.ts";
import type { S3Context } from "./s3-context.ts";
import { headObject } from "./s3-read.ts";
import { encryptionOfAccess, encryptionOfObject } from "./s3-encryption.ts";

/** Parts on their way at once: enough to fill a line, few enough to bound memory. */
const partsInFlightMax = 4;

/** S3 takes at most so many parts. */
const partsMax = 10_000;

type UploadId = { readonly key: string; readonly id: string; readonly partBytes: number };

type UploadedPart = { readonly PartNumber: number; readonly ETag: string | undefined };

/**
 * Uploads an object in parts, some at once. The object appears when the last request succeeds;
 * after a failure the parts are given up, so that nobody pays for them.
 */
export async function uploadInParts(
  context: S3Context,
  key: string,
  chunks: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<void> {
  const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const partBytes = Math.max(context.settings.partBytes, Math.ceil(size / partsMax));
  const upload = { key, id: await beginUpload(context, key, signal), partBytes };
  try {
    const parts = await uploadParts(context, upload, chunks, signal);
    await completeUpload(context, upload, parts, signal);
  } catch (error) {
    await abortUpload(context, upload).catch(() => {});
    throw error;
  }
}

async function beginUpload(
  { settings, send }: S3Context,
  key: string,
  signal: AbortSignal,
): Promise<string> {
  const doing = `Cannot begin the upload of "${key}"`;
  return await send({ doing, signal }, async ({ sdk, client }, abortSignal) => {
    const begin = new sdk.CreateMultipartUploadCommand({
      Bucket: settings.bucket,
      Key: key,
      ...encryptionOfObject(settings.encryption),
    });
    const { UploadId } = await client.send(begin, { abortSignal });
    if (UploadId === undefined) throw new Error("the answer has no upload id");
    return UploadId;
  });
}

/** Workers take parts off one sequence; the first failure stops the others. */
async function uploadParts(
  context: S3Context,
  upload: UploadId,
  chunks: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<UploadedPart[]> {
  const bodies = partsOf(chunks, upload.partBytes);
  const parts: UploadedPart[] = [];
  const failures: unknown[] = [];
  const stop = new AbortController();
  const follow = (): void => stop.abort(signal.reason);
  signal.addEventListener("abort", follow, { once: true });
  let numberLast = 0;

  const work = async (): Promise<void> => {
    for (let next = bodies.next(); next.done !== true; next = bodies.next()) {
      parts.push(await uploadPart(context, upload, ++numberLast, next.value, stop.signal));
    }
  };
  try {
    await Promise.all(
      Array.from({ length: partsInFlightMax }, () =>
        work().catch((error: unknown) => {
          failures.push(error);
          stop.abort(error);
        })),
    );
  } finally {
    signal.removeEventListener("abort", follow);
  }
  if (failures.length > 0) throw failures[0];
  return parts.sort((left, right) => left.PartNumber - right.PartNumber);
}

async function uploadPart(
  { settings, send }: S3Context,
  { key, id }: UploadId,
  number: number,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<UploadedPart> {
  const request = { doing: `Cannot write part ${number} of "${key}"`, signal, bytes: body.length };
  return await send(request, async ({ sdk, client }, abortSignal) => {
    const put = new sdk.UploadPartCommand({
      Bucket: settings.bucket,
      Key: key,
      UploadId: id,
      PartNumber: number,
      Body: body,
      ...encryptionOfAccess(settings.encryption),
    });
    const { ETag } = await client.send(put, { abortSignal });
    return { PartNumber: number, ETag };
  });
}

async function completeUpload(
  { settings, send }: S3Context,
  { key, id }: UploadId,
  parts: UploadedPart[],
  signal: AbortSignal,
): Promise<void> {
  const doing = `Cannot finish the upload of "${key}"`;
  await send({ doing, signal }, async ({ sdk, client }, abortSignal) => {
    const complete = new sdk.CompleteMultipartUploadCommand({
      Bucket: settings.bucket,
      Key: key,
      UploadId: id,
      MultipartUpload: { Parts: parts },
      ...encryptionOfAccess(settings.encryption),
    });
    await client.send(complete, { abortSignal });
  });
}

/** Not by the caller's signal: it may be the reason why the upload is given up. */
async function abortUpload({ settings, send }: S3Context, { key, id }: UploadId): Promise<void> {
  const { signal } = new AbortController();
  const doing = `Cannot give up the upload of "${key}"`;
  await send({ doing, signal }, async ({ sdk, client }, abortSignal) => {
    const place = { Bucket: settings.bucket, Key: key, UploadId: id };
    await client.send(new sdk.AbortMultipartUploadCommand(place), { abortSignal });
  });
}

/** An upload whose parts come one by one. It has at most 10,000 parts of the context's size. */
export async function beginParts(
  context: S3Context,
  key: string,
  signal: AbortSignal,
): Promise<Upload> {
  const { partBytes } = context.settings;
  const upload = { key, id: await beginUpload(context, key, signal), partBytes };
  const parts: UploadedPart[] = [];
  let completing = false;
  return {
    async putPart(index, bytes, options) {
      parts[index] = await uploadPart(context, upload, index + 1, bytes, options.signal);
    },
    async complete(_count, options) {
      const again = completing;
      completing = true;
      try {
        await completeUpload(context, upload, parts, options.signal);
      } catch (error) {
        // An earlier call may have landed and lost its answer: then there is no upload any more.
        const isGone = error instanceof CdcDeltaError && error.code === "not-found";
        if (!again || !isGone) throw error;
        if (await headObject(context, key, options.signal) === null) throw error;
      }
    },
    abort: () => abortUpload(context, upload),
  };
}

/** Cuts chunks into parts of exactly `partBytes` (the last one shorter), copying only at seams. */
export function* partsOf(
  chunks: readonly Uint8Array[],
  partBytes: number,
): Generator<Uint8Array, void> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  for (const chunk of chunks) {
    for (let offset = 0; offset < chunk.length;) {
      const piece = chunk.subarray(offset, offset + partBytes - pendingBytes);
      pending.push(piece);
      pendingBytes += piece.length;
      offset += piece.length;
      if (pendingBytes < partBytes) continue;
      yield joined(pending, pendingBytes);
      pending = [];
      pendingBytes = 0;
    }
  }
  if (pendingBytes > 0) yield joined(pending, pendingBytes);
}

/** One array of all the bytes; a single chunk is taken as it is. */
export function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined) return only;
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
