import { Readable } from "node:stream";
import { CdcDeltaError } from "../../errors.ts";
import { compareKeys, isKey } from "./object-key.ts";
import type { ByteRange, ListOptions, ObjectMeta } from "./object-store.ts";
import type { S3Context } from "./s3-context.ts";
import { encryptionOfAccess } from "./s3-encryption.ts";
import { s3Failure } from "./s3-errors.ts";
import { sendGet } from "./s3-template.ts";

/** The bytes of an object or of a range that is not empty. */
export async function getObject(
  { settings, send }: S3Context,
  key: string,
  range: ByteRange | undefined,
  signal: AbortSignal,
): Promise<Uint8Array> {
  return await send(
    { doing: `Cannot read "${key}"`, signal },
    async (open, abortSignal, extend) => {
      const get = {
        Bucket: settings.bucket,
        Key: key,
        ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.end - 1}` }),
        ...encryptionOfAccess(settings.encryption),
      };
      try {
        const answer = await sendGet(open, get, abortSignal);
        extend();
        if (!(answer.Body instanceof Readable)) throw new Error("the answer has no body");
        return await readBody(answer.Body, answer.ContentLength, abortSignal, extend);
      } catch (error) {
        // The range starts at or after the end: there is nothing of it.
        if (range !== undefined && s3Failure(error).status === 416) return new Uint8Array(0);
        throw error;
      }
    },
  );
}

/** Reads a body to its end and checks that it is whole: a cut connection can look like an end. */
function readBody(
  body: Readable,
  size: number | undefined,
  signal: AbortSignal,
  extend: () => void,
): Promise<Uint8Array> {
  // By events: to iterate over a small body costs more than all else that is done with it.
  return new Promise((resolve, reject) => {
    let bytes = new Uint8Array(size ?? 64 * 1024);
    let length = 0;
    const stop = (): void => void body.destroy();
    const settle = (error: Error | null): void => {
      signal.removeEventListener("abort", stop);
      if (error !== null) reject(error);
      else if (size !== undefined && length !== size) reject(cutAnswer(length, size));
      else resolve(length === bytes.length ? bytes : bytes.slice(0, length));
    };
    body.on("data", (chunk: Uint8Array) => {
      extend();
      if (length + chunk.length > bytes.length) {
        const larger = new Uint8Array(Math.max(bytes.length * 2, length + chunk.length));
        larger.set(bytes.subarray(0, length));
        bytes = larger;
      }
      bytes.set(chunk, length);
      length += chunk.length;
    });
    body.once("end", () => settle(null));
    body.once("error", settle);
    // Some ends come without a word.
    body.once("close", () => settle(cutAnswer(length, size)));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

function cutAnswer(length: number, size: number | undefined): Error {
  const whole = size === undefined ? "" : ` of ${size}`;
  return new Error(`the answer was cut after ${length}${whole} bytes`);
}

/** Null when there is no such object. */
export async function headObject(
  { settings, send }: S3Context,
  key: string,
  signal: AbortSignal,
): Promise<ObjectMeta | null> {
  return await send({ doing: `Cannot look at "${key}"`, signal }, async (open, abortSignal) => {
    const head = new open.sdk.HeadObjectCommand({
      Bucket: settings.bucket,
      Key: key,
      ...encryptionOfAccess(settings.encryption),
    });
    try {
      const answer = await open.client.send(head, { abortSignal });
      const modifiedMs = answer.LastModified?.getTime() ?? 0;
      return { key, size: answer.ContentLength ?? 0, modifiedMs };
    } catch (error) {
      const failure = s3Failure(error);
      if (failure.status === 404 && failure.code !== "NoSuchBucket") return null;
      throw error;
    }
  });
}

/** Pages through a listing. Keys that no store of ours can name (`folder/` markers) are left out. */
export async function* listObjects(
  context: S3Context,
  prefix: string,
  { startAfter, signal }: ListOptions,
): AsyncGenerator<ObjectMeta> {
  let position: { ContinuationToken: string } | { StartAfter: string } | undefined =
    startAfter === undefined || startAfter === "" ? undefined : { StartAfter: startAfter };
  let last = "";
  for (;;) {
    const page = await listPage(context, prefix, position, signal);
    for (const meta of page.objects) {
      if (last !== "" && compareKeys(meta.key, last) <= 0) throw unordered(context, last, meta.key);
      last = meta.key;
      if (isKey(meta.key)) yield meta;
    }
    if (page.token === undefined) return;
    position = { ContinuationToken: page.token };
  }
}

type Page = { readonly objects: readonly ObjectMeta[]; readonly token: string | undefined };

async function listPage(
  { settings, send }: S3Context,
  prefix: string,
  position: { ContinuationToken: string } | { StartAfter: string } | undefined,
  signal: AbortSignal,
): Promise<Page> {
  return await send({ doing: `Cannot list "${prefix}"`, signal }, async (open, abortSignal) => {
    const list = new open.sdk.ListObjectsV2Command({
      Bucket: settings.bucket,
      Prefix: prefix,
      // XML cannot carry every character of a key.
      EncodingType: "url",
      ...position,
    });
    const answer = await open.client.send(list, { abortSignal });
    const isEncoded = answer.EncodingType === "url";
    const objects = (answer.Contents ?? []).map(({ Key = "", Size = 0, LastModified }) => ({
      key: isEncoded ? decodeURIComponent(Key.replaceAll("+", " ")) : Key,
      size: Size,
      modifiedMs: LastModified?.getTime() ?? 0,
    }));
    return {
      objects,
      token: answer.IsTruncated === true ? answer.NextContinuationToken : undefined,
    };
  });
}

function unordered({ uri }: S3Context, before: string, after: string): CdcDeltaError {
  return new CdcDeltaError(
    "unsupported",
    `Cannot list ${uri}: the store lists "${after}" after "${before}", not in byte order ` +
      `(directory buckets do so). Use a general purpose bucket`,
    { context: { store: uri } },
  );
}
