import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";

const script = fileURLToPath(new URL("../stack/stack.mjs", import.meta.url));

/** A broker and a store of this benchmark's own, and the variables that lead to them. */
export type BenchStack = {
  readonly brokers: string;
  readonly bucket: string;
  /** How cdcdelta and delta-rs reach the store. */
  readonly env: NodeJS.ProcessEnv;
  down(): Promise<void>;
};

type Part = { readonly name: string; readonly url: string };

/** Starts Kafka and MinIO (or what is asked for) with data in `folder`. Errors: what `stack.mjs` says. */
export async function benchStack(
  folder: string,
  parts: readonly string[] = ["kafka", "minio"],
): Promise<BenchStack> {
  const data = join(folder, "stack");
  const only = ["--only", parts.join(","), "--data", data];
  const text = await stack([
    "up",
    ...only,
    "--ports",
    "auto",
    "--format",
    "json",
    "--while-pid",
    String(process.pid),
  ]);
  const { parts: running, minio } = JSON.parse(text) as {
    readonly parts: readonly Part[];
    readonly minio: { readonly accessKey: string; readonly secretKey: string };
  };
  const urlOf = (name: string): string => running.find((part) => part.name === name)?.url ?? "";
  const endpoint = urlOf("minio");
  const credentials = { accessKeyId: minio.accessKey, secretAccessKey: minio.secretKey };
  const region = "us-east-1";
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket: "bench" }));
  client.destroy();
  return {
    brokers: urlOf("kafka"),
    bucket: "bench",
    env: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: minio.accessKey,
      AWS_SECRET_ACCESS_KEY: minio.secretKey,
      AWS_REGION: region,
      AWS_ALLOW_HTTP: "true",
      AWS_S3_ALLOW_UNSAFE_RENAME: "true",
      CDCDELTA_S3_ENDPOINT: endpoint,
    },
    down: async () => void await stack(["down", "--wipe", ...only]),
  };
}

/** Puts the files of a folder under a prefix of the bucket. */
export async function uploadFolder(
  { bucket, env }: BenchStack,
  folder: string,
  prefix: string,
): Promise<void> {
  const client = new S3Client({
    endpoint: env["AWS_ENDPOINT_URL"] ?? "",
    region: "us-east-1",
    forcePathStyle: true,
    credentials: {
      accessKeyId: env["AWS_ACCESS_KEY_ID"] ?? "",
      secretAccessKey: env["AWS_SECRET_ACCESS_KEY"] ?? "",
    },
  });
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (let i = 0; i < names.length; i += 32) {
    await Promise.all(
      names.slice(i, i + 32).map((name) => {
        const Key = `${prefix}/${relative(folder, name)}`;
        return client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: readFileSync(name) }));
      }),
    );
  }
  client.destroy();
}

function stack(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("node", [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => stdout += chunk);
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`stack.mjs ${args[0]} ended with exit code ${code}`));
    });
  });
}
