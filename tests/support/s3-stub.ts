import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { memoryStore } from "../../src/delta/storage/memory-store.ts";
import type { ObjectStore } from "../../src/delta/storage/object-store.ts";
import { signal } from "./delta-table.ts";
import { s3ErrorAnswer, type StubAnswer } from "./http-stub.ts";

/** A request as a step of a run. */
export type S3Step = {
  /** Number in its bucket, from 1. */
  readonly index: number;
  /** The API's name: `GetObject`, `PutObject`, `ListObjectsV2`, … */
  readonly operation: string;
  /** The object's key, or the prefix of a listing. */
  readonly key: string;
  /** With `If-None-Match: *`. */
  readonly isConditional: boolean;
};

/**
 * Stands before a bucket: `apply` lets the request take effect and gives the answer; null is an
 * answer that never comes.
 */
export type S3Intercept = (
  step: S3Step,
  apply: () => Promise<StubAnswer>,
) => Promise<StubAnswer | null>;

export type S3BucketOptions = {
  readonly intercept?: S3Intercept;
  /** What becomes of `If-None-Match: *`; default `honoured`. */
  readonly conditionalPut?: "honoured" | "ignored" | "not-implemented";
  /** Keys of one page of a listing; default 1,000. */
  readonly pageKeys?: number;
};

/**
 * A small S3 server on loopback: objects in memory, true conditional PUT, listings in pages, batch
 * deletes, uploads in parts. It knows one access key; signatures are not checked.
 */
export type S3Stub = {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Makes a bucket; the store is what lies in it. */
  makeBucket(name: string, options?: S3BucketOptions): ObjectStore;
  /** Forgets a bucket and its objects. */
  dropBucket(name: string): void;
  stop(): Promise<void>;
};

type Bucket = {
  readonly store: ObjectStore;
  readonly options: S3BucketOptions;
  readonly uploads: Map<string, Map<number, Uint8Array>>;
  steps: number;
};

type Request = {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: Uint8Array;
};

const accessKey = "stubkey";

/** Starts the server on a free port. */
export async function startS3Stub(): Promise<S3Stub> {
  const buckets = new Map<string, Bucket>();
  const server = createServer(async (incoming, outgoing) => {
    const parts: Uint8Array[] = [];
    // A client that is killed while it sends leaves no whole request behind.
    try {
      for await (const part of incoming) parts.push(part as Uint8Array);
    } catch {
      return;
    }
    const answered = await answerTo(buckets, requestOf(incoming, Buffer.concat(parts)));
    if (answered === null) return;
    const { status = 200, headers = {}, body = "" } = answered;
    outgoing.on("error", () => {});
    outgoing.writeHead(status, { "content-length": Buffer.byteLength(body), ...headers });
    outgoing.end(incoming.method === "HEAD" ? "" : body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    accessKey,
    secretKey: "stubsecret",
    makeBucket(name, options = {}) {
      const store = memoryStore({ uri: `s3://${name}` });
      buckets.set(name, { store, options, uploads: new Map(), steps: 0 });
      return store;
    },
    dropBucket: (name) => void buckets.delete(name),
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function requestOf(incoming: IncomingMessage, body: Uint8Array): Request {
  const url = new URL(incoming.url ?? "/", "http://stub");
  const [bucket = "", ...rest] = url.pathname.slice(1).split("/").map(decodeURIComponent);
  const { method = "", headers } = incoming;
  return { method, bucket, key: rest.join("/"), query: url.searchParams, headers, body };
}

async function answerTo(
  buckets: ReadonlyMap<string, Bucket>,
  request: Request,
): Promise<StubAnswer | null> {
  if (!String(request.headers["authorization"]).includes(`Credential=${accessKey}/`)) {
    return s3ErrorAnswer(403, "InvalidAccessKeyId");
  }
  const bucket = buckets.get(request.bucket);
  if (bucket === undefined) return s3ErrorAnswer(404, "NoSuchBucket");
  const operation = operationOf(request);
  const step: S3Step = {
    index: ++bucket.steps,
    operation,
    key: operation === "ListObjectsV2" ? request.query.get("prefix") ?? "" : request.key,
    isConditional: request.headers["if-none-match"] === "*",
  };
  const apply = (): Promise<StubAnswer> => takeEffect(bucket, operation, request);
  return bucket.options.intercept === undefined
    ? await apply()
    : await bucket.options.intercept(step, apply);
}

function operationOf({ method, key, query }: Request): string {
  switch (method) {
    case "GET":
      return key === "" ? "ListObjectsV2" : "GetObject";
    case "HEAD":
      return "HeadObject";
    case "PUT":
      return query.has("uploadId") ? "UploadPart" : "PutObject";
    case "DELETE":
      return query.has("uploadId") ? "AbortMultipartUpload" : "DeleteObject";
    case "POST":
      if (query.has("delete")) return "DeleteObjects";
      return query.has("uploads") ? "CreateMultipartUpload" : "CompleteMultipartUpload";
    default:
      return method;
  }
}

async function takeEffect(
  bucket: Bucket,
  operation: string,
  request: Request,
): Promise<StubAnswer> {
  const { store } = bucket;
  const { key, body } = request;
  switch (operation) {
    case "ListObjectsV2":
      return await listing(bucket, request.query);
    case "GetObject":
      return await read(store, request);
    case "HeadObject": {
      const meta = await store.head(key, { signal });
      if (meta === null) return { status: 404 };
      const modified = new Date(meta.modifiedMs).toUTCString();
      return { headers: { "content-length": String(meta.size), "last-modified": modified } };
    }
    case "PutObject":
      return await write(bucket, request);
    case "DeleteObject":
      await store.delete([key], { signal });
      return { status: 204 };
    case "DeleteObjects": {
      const text = new TextDecoder().decode(body);
      const keys = [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, name = ""]) => plain(name));
      await store.delete(keys, { signal });
      return xml("<DeleteResult/>");
    }
    default:
      return await uploadStep(bucket, operation, request);
  }
}

async function write({ store, options }: Bucket, request: Request): Promise<StubAnswer> {
  const { key, body, headers } = request;
  const conditionalPut = options.conditionalPut ?? "honoured";
  if (headers["if-none-match"] !== "*" || conditionalPut === "ignored") {
    await store.put(key, [body], { signal });
    return { headers: { etag: '"stub"' } };
  }
  if (conditionalPut === "not-implemented") return s3ErrorAnswer(501, "NotImplemented");
  const outcome = await store.putIfAbsent(key, body, { signal });
  return outcome === "created"
    ? { headers: { etag: '"stub"' } }
    : s3ErrorAnswer(412, "PreconditionFailed");
}

async function read(store: ObjectStore, { key, headers }: Request): Promise<StubAnswer> {
  const meta = await store.head(key, { signal });
  if (meta === null) return s3ErrorAnswer(404, "NoSuchKey");
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers["range"] ?? "") ?? [];
  if (from === undefined || to === undefined) return { body: await store.get(key, { signal }) };
  const [start, end] = [Number(from), Math.min(Number(to) + 1, meta.size)];
  if (start >= meta.size) return s3ErrorAnswer(416, "InvalidRange");
  return {
    status: 206,
    headers: { "content-range": `bytes ${start}-${end - 1}/${meta.size}` },
    body: await store.get(key, { signal, range: { start, end } }),
  };
}

async function listing({ store, options }: Bucket, query: URLSearchParams): Promise<StubAnswer> {
  const pageKeys = options.pageKeys ?? 1000;
  const startAfter = query.get("continuation-token") ?? query.get("start-after") ?? "";
  const found: string[] = [];
  let last = "";
  let more = false;
  for await (const meta of store.list(query.get("prefix") ?? "", { startAfter, signal })) {
    more = found.length === pageKeys;
    if (more) break;
    last = meta.key;
    const modified = new Date(meta.modifiedMs).toISOString();
    found.push(
      `<Contents><Key>${encodeURIComponent(meta.key)}</Key><Size>${meta.size}</Size>` +
        `<LastModified>${modified}</LastModified></Contents>`,
    );
  }
  const next = more ? `<NextContinuationToken>${escaped(last)}</NextContinuationToken>` : "";
  return xml(
    `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${more}</IsTruncated>` +
      `${next}${found.join("")}</ListBucketResult>`,
  );
}

async function uploadStep(
  { store, uploads }: Bucket,
  operation: string,
  { key, query, body }: Request,
): Promise<StubAnswer> {
  const id = query.get("uploadId") ?? "";
  const parts = uploads.get(id);
  if (operation === "CreateMultipartUpload") {
    const fresh = `upload-${uploads.size + 1}`;
    uploads.set(fresh, new Map());
    return xml(
      `<InitiateMultipartUploadResult><UploadId>${fresh}</UploadId></InitiateMultipartUploadResult>`,
    );
  }
  if (parts === undefined) return s3ErrorAnswer(404, "NoSuchUpload");
  switch (operation) {
    case "UploadPart":
      parts.set(Number(query.get("partNumber")), body);
      return { headers: { etag: '"part"' } };
    case "CompleteMultipartUpload": {
      const chunks = [...parts].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
      await store.put(key, chunks, { signal });
      uploads.delete(id);
      return xml("<CompleteMultipartUploadResult/>");
    }
    case "AbortMultipartUpload":
      uploads.delete(id);
      return { status: 204 };
    default:
      return s3ErrorAnswer(501, "NotImplemented");
  }
}

function xml(body: string): StubAnswer {
  return {
    headers: { "content-type": "application/xml" },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
  };
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function plain(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'").replaceAll("&amp;", "&");
}
