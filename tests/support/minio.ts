import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { get as getByHttp } from "node:http";
import { get as getByHttps } from "node:https";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";

/** A MinIO server of our own, on a free loopback port, with its data in a temporary folder. */
export type Minio = {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  makeBucket(name: string): Promise<void>;
  stop(): Promise<void>;
};

/** Settings of `startMinio`. */
export type MinioOptions = {
  /** A folder with `public.crt` and `private.key`: the server then speaks https. */
  readonly certificatesFolder?: string;
  /** The certificate that `makeBucket` trusts then (PEM). */
  readonly caPem?: string;
};

/** Says why tests against MinIO are skipped. */
export const minioMissing =
  "no MinIO: scripts/stack/install-minio.sh builds one, CDCDELTA_TEST_S3_ENDPOINT names a running one";

const readyMsMax = 30_000;

/**
 * Runs the server until its own standard input ends, then ends it by its process id and removes
 * the folder. The input ends with us, however we end: a test run that dies leaves no server behind.
 */
const guard = '"$@" </dev/null & pid=$!; read -r _; kill -9 $pid; wait $pid; rm -rf "$0"';

/** The binary's place: `$CDCDELTA_CACHE/bin/minio`, default `~/.cache/cdcdelta/bin/minio`. */
export function minioBinary(): string {
  const cache = process.env["CDCDELTA_CACHE"] ?? join(homedir(), ".cache", "cdcdelta");
  return join(cache, "bin", "minio");
}

/**
 * Starts the MinIO binary; null when there is none (an error when `CDCDELTA_REQUIRE_ALL` is 1).
 * Without options, `CDCDELTA_TEST_S3_ENDPOINT` (with `…_ACCESS_KEY` and `…_SECRET_KEY`, default
 * `minioadmin`) names a server to use instead.
 */
export async function startMinio(options: MinioOptions = {}): Promise<Minio | null> {
  const running = process.env["CDCDELTA_TEST_S3_ENDPOINT"];
  if (running !== undefined && options.certificatesFolder === undefined) {
    const accessKey = process.env["CDCDELTA_TEST_S3_ACCESS_KEY"] ?? "minioadmin";
    const secretKey = process.env["CDCDELTA_TEST_S3_SECRET_KEY"] ?? "minioadmin";
    return minioAt({ endpoint: running, accessKey, secretKey, caPem: undefined }, async () => {});
  }
  if (!existsSync(minioBinary())) {
    if (process.env["CDCDELTA_REQUIRE_ALL"] === "1") throw new Error(minioMissing);
    return null;
  }
  const folder = await mkdtemp(join(tmpdir(), "cdcdelta-minio-"));
  const address = `127.0.0.1:${await freePort()}`;
  const certificates = options.certificatesFolder;
  const child = spawn("sh", [
    "-c",
    guard,
    folder,
    minioBinary(),
    "server",
    "--quiet",
    "--address",
    address,
    "--console-address",
    `127.0.0.1:${await freePort()}`,
    ...(certificates === undefined ? [] : ["--certs-dir", certificates]),
    join(folder, "data"),
  ], {
    stdio: ["pipe", "ignore", "ignore"],
    env: { ...process.env, MINIO_ROOT_USER: "testkey", MINIO_ROOT_PASSWORD: "testsecret" },
  });
  const stop = (): Promise<void> => ended(child);
  try {
    const scheme = certificates === undefined ? "http" : "https";
    await untilReady(`${scheme}://${address}`, child);
    const endpoint = `${scheme}://${address}`;
    return minioAt(
      { endpoint, accessKey: "testkey", secretKey: "testsecret", caPem: options.caPem },
      stop,
    );
  } catch (error) {
    await stop();
    throw error;
  }
}

type Access = {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly caPem: string | undefined;
};

function minioAt(
  { endpoint, accessKey, secretKey, caPem }: Access,
  stop: () => Promise<void>,
): Minio {
  return {
    endpoint,
    accessKey,
    secretKey,
    async makeBucket(name) {
      const client = new S3Client({
        endpoint,
        region: "us-east-1",
        forcePathStyle: true,
        credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
        ...(caPem === undefined ? {} : { requestHandler: { httpsAgent: { ca: caPem } } }),
      });
      await client.send(new CreateBucketCommand({ Bucket: name }));
      client.destroy();
    },
    stop,
  };
}

async function untilReady(endpoint: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + readyMsMax;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`MinIO ended with code ${child.exitCode}`);
    if (await isReady(endpoint)) return;
    await sleep(50);
  }
  throw new Error(`MinIO was not ready within ${readyMsMax} ms`);
}

/**
 * The page of the cluster: the one named `ready` says so before the server takes requests. The
 * certificate is not looked at; what is trusted is for the tests to say.
 */
function isReady(endpoint: string): Promise<boolean> {
  const url = new URL("/minio/health/cluster", endpoint);
  const get = url.protocol === "https:" ? getByHttps : getByHttp;
  return new Promise((resolve) => {
    get(url, { rejectUnauthorized: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    }).on("error", () => resolve(false));
  });
}

/** Lets the guard end the server, and waits until it has. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.stdin?.end();
  await gone;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
