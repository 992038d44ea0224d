import { CdcDeltaError } from "../../errors.ts";
import type { S3Context } from "./s3-context.ts";
import { s3Failure } from "./s3-errors.ts";

/** S3 takes at most so many keys in one request. */
const batchKeysMax = 1000;

/** Single deletes on their way at once, for stores without batches. */
const singlesInFlightMax = 16;

/** Deletes objects in batches; one by one where the store has no batches. */
export async function deleteObjects(
  context: S3Context,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  // XML cannot carry these characters.
  const singles = keys.filter(hasControlCharacter);
  const batched = keys.filter((key) => !hasControlCharacter(key));
  await deleteSingly(context, singles, signal);
  for (let start = 0; start < batched.length; start += batchKeysMax) {
    const batch = batched.slice(start, start + batchKeysMax);
    const isDone = batch.length > 1 && await deleteBatch(context, batch, signal);
    if (!isDone) await deleteSingly(context, batch, signal);
  }
}

/** False when the store has no batch delete (or wants a checksum that we do not send). */
async function deleteBatch(
  { settings, send }: S3Context,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  const doing = `Cannot delete ${keys.length} objects`;
  return await send({ doing, signal }, async ({ sdk, client }, abortSignal) => {
    const remove = new sdk.DeleteObjectsCommand({
      Bucket: settings.bucket,
      Delete: { Objects: keys.map((Key) => ({ Key })), Quiet: true },
    });
    try {
      const { Errors: failures = [] } = await client.send(remove, { abortSignal });
      const failure = failures.find(({ Code }) => Code !== "NoSuchKey");
      if (failure === undefined) return true;
      throw batchFailure(failure, failures.length);
    } catch (error) {
      const { status, code } = s3Failure(error);
      if (status === 501 || code === "NotImplemented" || code === "MissingContentMD5") return false;
      throw error;
    }
  });
}

type BatchError = {
  readonly Code?: string | undefined;
  readonly Key?: string | undefined;
  readonly Message?: string | undefined;
};

/** Looks like the error of a request of its own, so that it is judged like one. */
function batchFailure({ Code, Key, Message }: BatchError, count: number): Error {
  const error = new Error(`${Message ?? ""} ("${Key ?? ""}", ${count} refused)`);
  const isPassing = Code === "InternalError" || Code === "SlowDown";
  const status = Code === "AccessDenied" ? 403 : isPassing ? 503 : 400;
  return Object.assign(error, {
    name: Code ?? "UnknownError",
    $metadata: { httpStatusCode: status },
  });
}

async function deleteSingly(
  { settings, send }: S3Context,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (let start = 0; start < keys.length; start += singlesInFlightMax) {
    const group = keys.slice(start, start + singlesInFlightMax);
    const answers = await Promise.allSettled(
      group.map((key) =>
        send({ doing: `Cannot delete "${key}"`, signal }, async ({ sdk, client }, abortSignal) => {
          const remove = new sdk.DeleteObjectCommand({ Bucket: settings.bucket, Key: key });
          await client.send(remove, { abortSignal }).catch((error: unknown) => {
            if (s3Failure(error).code !== "NoSuchKey") throw error;
          });
        })
      ),
    );
    const failed = answers.find((answer) => answer.status === "rejected");
    if (failed !== undefined) throw asThrown(failed.reason);
  }
}

function asThrown(reason: unknown): unknown {
  return reason instanceof Error ? reason : new CdcDeltaError("internal", String(reason));
}

function hasControlCharacter(key: string): boolean {
  for (let index = 0; index < key.length; index++) if (key.charCodeAt(index) < 0x20) return true;
  return false;
}
