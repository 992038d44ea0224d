import { withDeadline } from "./deadline.ts";
import { connectS3 } from "./s3-client.ts";
import { s3Error } from "./s3-errors.ts";
import { type S3Options, type S3Settings, s3Settings, secretsOf } from "./s3-options.ts";
import type { S3Connection } from "./s3-template.ts";

/** The slowest line worth waiting for: a request gets the time its bytes need at this speed. */
const bytesPerMsMin = 64;

/** One request, for its deadline and for messages. */
export type S3Request = {
  /** Starts the message: `Cannot read "x"`. */
  readonly doing: string;
  readonly signal: AbortSignal;
  /** Size of the body that is sent. */
  readonly bytes?: number;
  /** A conditional PUT: its failures are in doubt. */
  readonly isConditional?: boolean;
};

/** A request at work: the open connection, its own signal, and a way to say that bytes came. */
export type S3Work<Result> = (
  connection: S3Connection,
  signal: AbortSignal,
  extend: () => void,
) => Promise<Result>;

/** A bucket and how to talk to it. */
export type S3Context = {
  readonly uri: string;
  readonly settings: S3Settings;
  /** Sends one request; every failure comes out as a `CdcDeltaError` or the abort's reason. */
  send<Result>(request: S3Request, work: S3Work<Result>): Promise<Result>;
  close(): void;
};

/** Checks the options; connects at the first request. */
export function openS3Context(options: S3Options): S3Context {
  const settings = s3Settings(options);
  const secrets = secretsOf(options);
  const endpoint = endpointText(settings);
  let connection: Promise<S3Connection> | null = null;
  return {
    uri: `s3://${settings.bucket}`,
    settings,
    async send(request, work) {
      request.signal.throwIfAborted();
      const ms = settings.requestTimeoutMs + Math.ceil((request.bytes ?? 0) / bytesPerMsMin);
      try {
        connection ??= connectS3(settings);
        const open = await connection;
        return await withDeadline(
          request.signal,
          ms,
          (signal, extend) => work(open, signal, extend),
        );
      } catch (error) {
        throw s3Error(error, { ...request, bucket: settings.bucket, endpoint, secrets });
      }
    },
    close() {
      const opened = connection;
      connection = null;
      opened?.then(({ client }) => client.destroy()).catch(() => {});
    },
  };
}

/** The endpoint as messages name it. */
function endpointText({ endpoint, region, proxyUrl }: S3Settings): string {
  const place = endpoint ?? `AWS (${region})`;
  return proxyUrl === undefined ? place : `${place} (through ${new URL(proxyUrl).host})`;
}
