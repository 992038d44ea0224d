import { afterEach, describe, expect, test } from "bun:test";
import type { S3Options } from "../../../src/delta/storage/s3-options.ts";
import { type ClosableStore, s3Store } from "../../../src/delta/storage/s3-store.ts";
import { bytesOf, codeOf, errorOf, keysOf } from "../../suites/object-store.ts";
import {
  type HttpStub,
  s3ErrorAnswer,
  startHttpStub,
  type StubAnswer,
  type StubRequest,
} from "../../support/http-stub.ts";

const { signal } = new AbortController();
const io = { signal };

let stub: HttpStub;
let store: ClosableStore;
afterEach(async () => {
  store.close();
  await stub.stop();
});

async function open(
  answer: (request: StubRequest, index: number) => StubAnswer | Promise<StubAnswer>,
  options: Partial<S3Options> = {},
): Promise<ClosableStore> {
  stub = await startHttpStub(answer);
  const credentials = { accessKeyId: "key", secretAccessKey: "hidden-secret" };
  store = s3Store({ bucket: "lake", endpoint: stub.url, credentials, ...options });
  return store;
}

function xml(body: string): StubAnswer {
  return { headers: { "content-type": "application/xml" }, body };
}

describe("s3Store() judges an answer", () => {
  type Row = readonly [
    status: number,
    code: string,
    onPut: { code: string; retryable: boolean },
    onPutIfAbsent: { code: string; retryable: boolean; context?: { inDoubt: boolean } },
    says: string,
  ];
  const store = (retryable: boolean) => ({ code: "store", retryable });
  const inDoubt = { code: "store", retryable: true, context: { inDoubt: true } };
  const other = (code: string) => ({ code, retryable: false });
  const rows: readonly Row[] = [
    [500, "InternalError", store(true), inDoubt, "try again"],
    [503, "SlowDown", store(true), inDoubt, "try again"],
    [503, "ServiceUnavailable", store(true), inDoubt, "try again"],
    [502, "", store(true), inDoubt, "try again"],
    [504, "", store(true), inDoubt, "try again"],
    [429, "TooManyRequests", store(true), inDoubt, "try again"],
    [400, "RequestTimeout", store(true), inDoubt, "try again"],
    [409, "ConditionalRequestConflict", store(true), inDoubt, "try again"],
    [409, "OperationAborted", store(true), inDoubt, "try again"],
    [403, "AccessDenied", other("permission"), other("permission"), "Allow this user"],
    [403, "", other("permission"), other("permission"), "Allow this user"],
    [401, "Unauthorized", other("permission"), other("permission"), "Allow this user"],
    [403, "InvalidAccessKeyId", other("permission"), other("permission"), "access key"],
    [403, "SignatureDoesNotMatch", other("permission"), other("permission"), "secret key"],
    [400, "ExpiredToken", other("permission"), other("permission"), "renew"],
    [403, "RequestTimeTooSkewed", other("permission"), other("permission"), "clocks"],
    [404, "NoSuchBucket", other("not-found"), other("not-found"), 'Create the bucket "lake"'],
    [400, "InvalidBucketName", other("usage"), other("usage"), "bucket name"],
    [400, "AuthorizationHeaderMalformed", other("usage"), other("usage"), "region"],
    [301, "PermanentRedirect", other("usage"), other("usage"), "region"],
    [
      501,
      "NotImplemented",
      other("unsupported"),
      other("store-unsafe"),
      "not implement|conditional",
    ],
    [507, "XMinioStorageFull", store(false), store(false), "full"],
    [400, "InvalidRequest", store(false), store(false), "refuses"],
  ];
  for (const [status, code, onPut, onPutIfAbsent, says] of rows) {
    test(`${status} ${code}`, async () => {
      const store = await open(() => code === "" ? { status } : s3ErrorAnswer(status, code));
      const put = await errorOf(store.put("a", [bytesOf("x")], io));
      expect(put).toMatchObject(onPut);
      expect(put.message).toMatch(new RegExp(says));
      expect(put.message).toStartWith('Cannot write "a" in s3://lake at http://127.0.0.1:');
      expect(put.context).toMatchObject({ status });
      const create = await errorOf(store.putIfAbsent("a", bytesOf("x"), io));
      expect(create).toMatchObject(onPutIfAbsent);
      expect(create.message).toMatch(new RegExp(says));
      expect(stub.requests).toHaveLength(2);
    });
  }

  test("412 of putIfAbsent() is the outcome exists", async () => {
    const store = await open(() => s3ErrorAnswer(412, "PreconditionFailed"));
    expect(await store.putIfAbsent("a", bytesOf("x"), io)).toBe("exists");
    expect(stub.requests[0]?.headers["if-none-match"]).toBe("*");
    expect(stub.requests).toHaveLength(1);
  });

  test("the bucket's region is told when the store tells it", async () => {
    const region = "<Region>eu-central-1</Region>";
    const store = await open(() => s3ErrorAnswer(400, "AuthorizationHeaderMalformed", region));
    expect((await errorOf(store.get("a", io))).message).toContain('region to "eu-central-1"');
  });

  test("a page that is no S3 answer is an error of the endpoint", async () => {
    const store = await open(() => ({
      headers: { "content-type": "text/html" },
      body: "<html><body>Welcome to the <b>console</body>",
    }));
    const error = await errorOf(keysOf(store.list("", io)));
    expect(error.code).toBe("store");
    expect(error.message).toContain("S3 API");
  });

  test("a secret never shows, even when the store repeats it", async () => {
    const store = await open(() => ({
      status: 400,
      headers: { "content-type": "application/xml" },
      body: "<Error><Code>Odd</Code><Message>your key hidden-secret is odd</Message></Error>",
    }));
    const error = await errorOf(store.get("a", io));
    expect(error.message).toContain("your key *** is odd");
    expect(Bun.inspect(error)).not.toContain("hidden-secret");
  });
});

describe("s3Store() asks", () => {
  test("with the user's encryption", async () => {
    const cases = [
      [{ kind: "aes256" }, { "x-amz-server-side-encryption": "AES256" }],
      [{ kind: "kms" }, { "x-amz-server-side-encryption": "aws:kms" }],
      [{ kind: "kms", keyId: "key-1" }, {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "key-1",
      }],
    ] as const;
    for (const [encryption, headers] of cases) {
      const store = await open(() => ({}), { encryption });
      await store.put("a", [bytesOf("x")], io);
      await store.putIfAbsent("a", bytesOf("x"), io);
      for (const request of stub.requests) expect(request.headers).toMatchObject(headers);
      expect(stub.requests).toHaveLength(2);
      store.close();
      await stub.stop();
    }
    await open(() => ({}));
  });

  test("by path with an endpoint, and escapes the key once", async () => {
    const store = await open(() => ({}));
    await store.put("a b/c%20d+e=ü", [bytesOf("x")], io);
    expect(stub.requests[0]?.url).toBe("/lake/a%20b/c%2520d%2Be%3D%C3%BC?x-id=PutObject");
    expect(stub.requests[0]?.body.toString()).toBe("x");
    expect(stub.requests[0]?.headers["content-length"]).toBe("1");
  });

  test("by path even where the bucket could be a host name", async () => {
    await open(() => ({}));
    const endpoint = stub.url.replace("127.0.0.1", "localhost");
    const credentials = { accessKeyId: "key", secretAccessKey: "secret" };
    const named = s3Store({ bucket: "lake", endpoint, credentials });
    await named.put("a", [bytesOf("x")], io);
    named.close();
    expect(stub.requests[0]?.url).toStartWith("/lake/a?");
  });

  test("without waiting for 100 Continue, and with a signed body", async () => {
    const store = await open(() => ({}));
    await store.putIfAbsent("a", new Uint8Array(3 << 20), io);
    const headers = stub.requests[0]?.headers ?? {};
    expect(headers.expect).toBeUndefined();
    expect(headers["content-length"]).toBe(`${3 << 20}`);
    expect(headers["x-amz-content-sha256"]).toMatch(/^[0-9a-f]{64}$/);
  });

  test("page by page, and leaves out what is no key of ours", async () => {
    const store = await open(({ url }) => {
      const token = new URL(url, stub.url).searchParams.get("continuation-token");
      const page = (keys: readonly string[], next?: string): StubAnswer =>
        xml(
          `<ListBucketResult><EncodingType>url</EncodingType>` +
            (next === undefined
              ? "<IsTruncated>false</IsTruncated>"
              : `<IsTruncated>true</IsTruncated><NextContinuationToken>${next}</NextContinuationToken>`) +
            keys.map((key) =>
              `<Contents><Key>${key}</Key><Size>3</Size>` +
              `<LastModified>2026-01-31T12:00:00.000Z</LastModified></Contents>`
            ).join("") + "</ListBucketResult>",
        );
      if (token === null) return page(["a/", "a//d", "a/b+c%2B"], "t1");
      return token === "t1" ? page([], "t2") : page(["b%25"]);
    });
    const metas = await Array.fromAsync(store.list("", { signal, startAfter: "A" }));
    expect(metas).toEqual([
      { key: "a/b c+", size: 3, modifiedMs: Date.UTC(2026, 0, 31, 12) },
      { key: "b%", size: 3, modifiedMs: Date.UTC(2026, 0, 31, 12) },
    ]);
    expect(stub.requests.map(({ url }) => new URL(url, stub.url).searchParams.get("start-after")))
      .toEqual(["A", null, null]);
    for (const { url } of stub.requests) expect(url).toContain("encoding-type=url");
  });

  test("and refuses a listing out of order", async () => {
    const store = await open(() =>
      xml(
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>b</Key></Contents>" +
          "<Contents><Key>a</Key></Contents></ListBucketResult>",
      )
    );
    expect(await codeOf(keysOf(store.list("", io)))).toBe("unsupported");
  });
});

describe("s3Store() deletes", () => {
  const keys = Array.from({ length: 2500 }, (_, index) => `k${index}`);

  test("a thousand at a time", async () => {
    const store = await open(() => xml("<DeleteResult></DeleteResult>"));
    await store.delete(keys, io);
    const counts = stub.requests.map(({ body }) => body.toString().split("<Key>").length - 1);
    expect(counts).toEqual([1000, 1000, 500]);
    expect(stub.requests[0]?.url).toStartWith("/lake/?delete");
  });

  test("one by one where there are no batches", async () => {
    const store = await open(({ method }) =>
      method === "POST" ? s3ErrorAnswer(501, "NotImplemented") : { status: 204 }
    );
    await store.delete(["a", "b", "c"], io);
    expect(stub.requests.map(({ method, url }) => `${method} ${url.split("?")[0]}`).sort()).toEqual(
      ["DELETE /lake/a", "DELETE /lake/b", "DELETE /lake/c", "POST /lake/"],
    );
  });

  const refusals = [["AccessDenied", "permission", false], ["SlowDown", "store", true], [
    "InternalError",
    "store",
    true,
  ]] as const;
  for (const [s3Code, code, retryable] of refusals) {
    test(`and tells of a key refused with ${s3Code}`, async () => {
      const store = await open(() =>
        xml(
          `<DeleteResult><Error><Key>b</Key><Code>${s3Code}</Code><Message>no</Message></Error></DeleteResult>`,
        )
      );
      const error = await errorOf(store.delete(["a", "b"], io));
      expect(error).toMatchObject({ code, retryable });
      expect(error.message).toContain('"b"');
    });
  }
});

describe("s3Store() uploads in parts", () => {
  const begun = xml(
    "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>",
  );
  const options = { multipartBytesMin: 1, partBytes: 5 << 20 };
  const chunks = [new Uint8Array(12 << 20)];

  test("of the size asked for, and completes them in order", async () => {
    const store = await open(({ method, url }) => {
      if (method === "POST") return url.includes("uploads") ? begun : xml("<X></X>");
      return { headers: { etag: `"${/partNumber=(\d+)/.exec(url)?.[1]}"` } };
    }, options);
    await store.put("big", chunks, io);
    const parts = stub.requests.filter(({ method }) => method === "PUT");
    expect(parts.map(({ body }) => body.length).sort((a, b) => b - a)).toEqual([
      5 << 20,
      5 << 20,
      2 << 20,
    ]);
    const numbers = stub.requests.at(-1)?.body.toString().match(/<PartNumber>\d/g);
    expect(numbers).toEqual(["<PartNumber>1", "<PartNumber>2", "<PartNumber>3"]);
  });

  test("and gives them up when one fails", async () => {
    const store = await open(({ method, url }) => {
      if (method === "POST") return begun;
      if (method === "DELETE") return { status: 204 };
      return url.includes("partNumber=2") ? s3ErrorAnswer(500, "InternalError") : {};
    }, options);
    const error = await errorOf(store.put("big", chunks, io));
    expect(error).toMatchObject({ code: "store", retryable: true });
    expect(error.message).toContain("part 2");
    expect(stub.requests.at(-1)?.method).toBe("DELETE");
    expect(stub.requests.at(-1)?.url).toContain("uploadId=u1");
  });

  test("and fails when the last answer is an error inside a 200", async () => {
    const store = await open(({ method, url }) => {
      if (method !== "POST") return { status: method === "DELETE" ? 204 : 200 };
      if (url.includes("uploads")) return begun;
      return { ...s3ErrorAnswer(200, "InternalError"), status: 200 };
    }, options);
    expect(await errorOf(store.put("big", chunks, io))).toMatchObject({
      code: "store",
      retryable: true,
    });
  });
});

describe("s3Store() refuses options", () => {
  const wrong: readonly Partial<S3Options>[] = [
    { endpoint: "minio:9000" },
    { endpoint: "ftp://minio" },
    { proxyUrl: "socks5://user:hidden-secret@proxy" },
    { encryption: { kind: "customer", key: new Uint8Array(16) } },
  ];
  for (const options of wrong) {
    test(Bun.inspect(options).replaceAll("\n", " ").slice(0, 70), async () => {
      await open(() => ({}));
      const call = async () => s3Store({ bucket: "lake", ...options });
      const error = await errorOf(call());
      expect(error.code).toBe("usage");
      expect(error.message).not.toContain("hidden-secret");
    });
  }
});
