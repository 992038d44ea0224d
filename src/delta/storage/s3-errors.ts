import { CdcDeltaError, type ErrorCode } from "../../errors.ts";
import { formatTableUri } from "./table-uri.ts";

/** What was being done when a request failed. */
export type S3Attempt = {
  /** Starts the message: `Cannot read "x"`. */
  readonly doing: string;
  readonly bucket: string;
  readonly endpoint: string;
  readonly secrets: readonly string[];
  readonly signal: AbortSignal;
  /** A conditional PUT: failures are in doubt, and `501` says that the store has none. */
  readonly isConditional?: boolean;
};

/** The answer's facts, or what is known without one. */
export type S3Failure = {
  /** S3's error code (`NoSuchKey`), the system's (`ECONNRESET`) or the error's name. */
  readonly code: string;
  /** 0 when no answer came. */
  readonly status: number;
  readonly message: string;
  readonly requestId: string;
  /** The bucket's own region, when the store tells. */
  readonly region: string;
};

/** What a failed request means for the user; abort reasons and our own errors pass through. */
export function s3Error(error: unknown, attempt: S3Attempt): unknown {
  if (error instanceof CdcDeltaError) return error;
  if (attempt.signal.aborted) return attempt.signal.reason;
  const failure = s3Failure(error);
  const verdict = judge(failure, attempt);
  const uri = formatTableUri({ kind: "s3", bucket: attempt.bucket, prefix: "" });
  const detail = `${failure.message.replace(/[.\s]+$/, "")} (${failure.code || failure.status})`;
  const text = `${attempt.doing} in ${uri} at ${attempt.endpoint}: ${detail}. ${verdict.advice}`;
  const isInDoubt = attempt.isConditional === true && verdict.code === "store" &&
    !wasNeverSent(failure);
  return new CdcDeltaError(verdict.code, scrubbed(text, attempt.secrets), {
    retryable: verdict.retryable,
    // The SDK's error holds headers and signatures: its facts are taken over, it is not.
    context: {
      store: uri,
      s3Code: failure.code,
      status: failure.status,
      requestId: failure.requestId,
      ...(attempt.isConditional === true ? { inDoubt: isInDoubt } : {}),
    },
  });
}

/** Reads the facts off an error of the SDK or of the system. */
export function s3Failure(error: unknown): S3Failure {
  const fields = fieldsOf(error);
  const metadata = fieldsOf(fields["$metadata"]);
  const cause = fieldsOf(fields["cause"]);
  const headers = fieldsOf(fieldsOf(fields["$response"])["headers"]);
  const name = textOf(fields["name"]);
  const systemCode = textOf(fields["code"]) || textOf(cause["code"]);
  const status = typeof metadata["httpStatusCode"] === "number" ? metadata["httpStatusCode"] : 0;
  const isNamed = name !== "" && name !== "Error" && name !== "TypeError" && name !== "AbortError";
  return {
    code: status === 0 ? systemCode || name : isNamed ? name : textOf(fields["Code"]),
    status,
    message: textOf(fields["message"]).replace(/\s+/g, " ").slice(0, 500),
    requestId: textOf(metadata["requestId"]),
    region: textOf(fields["Region"]) || textOf(headers["x-amz-bucket-region"]),
  };
}

type Verdict = { readonly code: ErrorCode; readonly retryable: boolean; readonly advice: string };

function judge(failure: S3Failure, attempt: S3Attempt): Verdict {
  return byS3Code(failure, attempt) ?? bySystemCode(failure) ?? byStatus(failure, attempt);
}

function byS3Code(failure: S3Failure, attempt: S3Attempt): Verdict | null {
  switch (failure.code) {
    case "NoSuchBucket":
      return final(
        "not-found",
        `Create the bucket "${attempt.bucket}" or correct its name; cdcdelta never makes buckets`,
      );
    case "NoSuchKey":
    case "NotFound":
      return final("not-found", "There is no such object");
    case "InvalidAccessKeyId":
      return final("permission", "The store does not know this access key: check it");
    case "SignatureDoesNotMatch":
      return final("permission", "The secret key does not belong to the access key: check it");
    case "ExpiredToken":
    case "ExpiredTokenException":
    case "TokenRefreshRequired":
    case "InvalidToken":
    case "InvalidTokenId":
      return final("permission", "The session token is no longer good: renew the credentials");
    case "RequestTimeTooSkewed":
      return final("permission", "The clocks differ by more than 15 minutes: set this machine's");
    case "CredentialsProviderError":
      return final(
        "permission",
        "Give an access key and a secret key, or set up the AWS environment or profile",
      );
    case "PermanentRedirect":
    case "AuthorizationHeaderMalformed":
    case "IllegalLocationConstraintException":
      return final("usage", `The bucket is in another region: ${regionAdvice(failure.region)}`);
    case "InvalidBucketName":
      return final("usage", `"${attempt.bucket}" is no bucket name: correct it`);
    case "InvalidObjectState":
      return final("store", "The object is archived: restore it first");
    case "XMinioStorageFull":
    case "InsufficientStorage":
    case "QuotaExceeded":
    case "XMinioAdminBucketQuotaExceeded":
      return final("store", "The store is full or the quota is used up: free space there");
    case "NotImplemented":
      return notImplemented(attempt);
    case "RequestTimeout":
    case "SlowDown":
    case "InternalError":
    case "ConditionalRequestConflict":
    case "OperationAborted":
      return passing("This may pass: try again");
    default:
      return null;
  }
}

function bySystemCode({ status, code, message }: S3Failure): Verdict | null {
  if (status !== 0) return null;
  if (/CERT|SELF.?SIGNED|UNABLE_TO|TLS_|ERR_SSL|certificate/i.test(`${code} ${message}`)) {
    return final(
      "store",
      "The certificate is not trusted: give the CA's certificate (PEM) as the CA bundle",
    );
  }
  return passing("Check that the endpoint is right and reachable; this may also pass by itself");
}

function byStatus(failure: S3Failure, attempt: S3Attempt): Verdict {
  const { status } = failure;
  if (status === 401 || status === 403) {
    return final(
      "permission",
      `Allow this user to list, read, write and delete in "${attempt.bucket}", or use other keys`,
    );
  }
  if (status === 404) return final("not-found", "There is no such object or bucket");
  if (status === 501) return notImplemented(attempt);
  if (status >= 300 && status < 400) {
    return final("usage", `The bucket is elsewhere: ${regionAdvice(failure.region)}`);
  }
  if (status === 507) return final("store", "The store is full: free space there");
  if (status === 408 || status === 409 || status === 429 || status >= 500) {
    return passing("This may pass: try again");
  }
  if (status >= 400) return final("store", "The store refuses the request as it stands");
  return passing("The answer is no answer of S3: check that the endpoint is an S3 API");
}

function notImplemented(attempt: S3Attempt): Verdict {
  return attempt.isConditional === true
    ? final(
      "store-unsafe",
      "The store has no conditional PUT (If-None-Match: *): two writers could replace each " +
        "other's commits. Use AWS S3, MinIO, R2, a recent Ceph or a local folder",
    )
    : final("unsupported", "The store does not implement this request");
}

function regionAdvice(region: string): string {
  return region === "" ? "set its region" : `set the region to "${region}"`;
}

function final(code: ErrorCode, advice: string): Verdict {
  return { code, advice, retryable: false };
}

function passing(advice: string): Verdict {
  return { code: "store", advice, retryable: true };
}

/** True when not one byte can have reached the store. */
function wasNeverSent({ code, status }: S3Failure): boolean {
  return status === 0 && /^(ECONNREFUSED|ConnectionRefused|ENOTFOUND|EAI_AGAIN)$/.test(code);
}

function scrubbed(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) clean = clean.replaceAll(secret, "***");
  return clean;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return {};
  return value as Readonly<Record<string, unknown>>;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
