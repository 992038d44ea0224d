import { memoryBytesMin } from "../memory-budget.ts";
import { autoOr, byteSize, choice, text, toggle, wholeNumber } from "./basic-types.ts";
import { endpoint, proxyUrl } from "./checked-types.ts";
import { allTablesCommands, setting, tableCommands } from "./setting.ts";

const plain = (placeholder: string) => text({ placeholder, form: "text" });

/** How S3 and MinIO are reached. */
export const storeSettings = {
  s3Endpoint: setting({
    type: endpoint(),
    default: null,
    defaultText: "AWS",
    env: [
      { name: "MINIO_ENDPOINT" },
      { name: "AWS_ENDPOINT_URL_S3" },
      { name: "AWS_ENDPOINT_URL" },
    ],
    group: "Object store",
    description: "Endpoint of an S3-compatible store such as MinIO",
    commands: ["run", "replay", "snapshot", ...tableCommands],
  }),
  s3Secure: setting({
    type: toggle(),
    default: false,
    env: [{ name: "MINIO_SECURE" }],
    group: "Object store",
    description: "Use https where the endpoint is written without http:// or https://",
    commands: ["run", "replay", "snapshot", ...tableCommands],
  }),
  s3Bucket: setting({
    type: plain("<bucket>"),
    default: null,
    env: [{ name: "MINIO_BUCKET" }],
    group: "Object store",
    description: "Bucket in which a relative base path lies",
    commands: ["run", "replay", "snapshot", ...allTablesCommands],
  }),
  s3AccessKeyId: setting({
    type: plain("<key>"),
    default: null,
    defaultText: "AWS credential chain",
    env: [{ name: "MINIO_ACCESS_KEY" }, { name: "AWS_ACCESS_KEY_ID" }],
    group: "Object store",
    description: "Access key; without one the AWS chain is asked (profile, web identity, instance)",
    commands: ["run", "replay", "snapshot", ...tableCommands],
  }),
  s3SecretAccessKey: setting({
    type: plain("<key>"),
    default: null,
    env: [{ name: "MINIO_SECRET_KEY" }, { name: "AWS_SECRET_ACCESS_KEY" }],
    group: "Object store",
    description: "Secret key. Prefer the environment: flags are visible to other processes",
    secret: true,
    commands: ["run", "replay", "snapshot", ...tableCommands],
  }),
  s3SessionToken: setting({
    type: plain("<token>"),
    default: null,
    env: [{ name: "AWS_SESSION_TOKEN" }],
    group: "Object store",
    description: "Session token of temporary keys",
    secret: true,
    commands: ["run", "replay", "snapshot", ...tableCommands],
  }),
  s3Profile: setting({
    type: plain("<profile>"),
    default: null,
    env: [{ name: "AWS_PROFILE" }],
    group: "Object store",
    description: "Profile of the AWS configuration files to take keys from",
    commands: ["run", "replay", "snapshot", ...tableCommands],
  }),
  s3Region: setting({
    type: plain("<region>"),
    default: "us-east-1",
    env: [{ name: "AWS_REGION" }, { name: "AWS_DEFAULT_REGION" }],
    group: "Object store",
    description: "Region of the bucket",
    commands: ["run", "replay", "snapshot", ...tableCommands],
  }),
  s3PathStyle: setting({
    type: autoOr(choice(["true", "false"])),
    default: "auto",
    group: "Object store",
    description: "Address buckets as endpoint/bucket instead of bucket.endpoint; auto: true with " +
      "an endpoint",
    commands: ["run", "replay", "snapshot", ...tableCommands],
  }),
  s3ServerSideEncryption: setting({
    type: choice(["none", "AES256", "aws:kms"]),
    default: "none",
    group: "Object store",
    description: "Server-side encryption asked for on every write",
    commands: ["run", "replay", "snapshot", ...tableCommands],
  }),
  s3KmsKeyId: setting({
    type: plain("<id>"),
    default: null,
    group: "Object store",
    description: "KMS key for aws:kms",
    commands: ["run", "replay", "snapshot", ...tableCommands],
  }),
  caBundle: setting({
    type: plain("<file>"),
    default: null,
    env: [{ name: "AWS_CA_BUNDLE" }],
    group: "Object store",
    description: "PEM file of certificates to trust beside the system's",
    commands: ["run", "replay", "snapshot", ...tableCommands],
  }),
  httpsProxy: setting({
    type: proxyUrl(),
    default: null,
    env: [{ name: "HTTPS_PROXY" }, { name: "https_proxy" }],
    group: "Object store",
    description: "Proxy for https endpoints",
    commands: ["run", "replay", "snapshot", ...tableCommands],
  }),
  httpProxy: setting({
    type: proxyUrl(),
    default: null,
    env: [{ name: "HTTP_PROXY" }, { name: "http_proxy" }],
    group: "Object store",
    description: "Proxy for http endpoints",
    commands: ["run", "replay", "snapshot", ...tableCommands],
  }),
  proxyBypass: setting({
    type: plain("<hosts>"),
    default: null,
    env: [{ name: "NO_PROXY" }, { name: "no_proxy" }],
    group: "Object store",
    description: "Hosts reached without a proxy, separated by commas",
    commands: ["run", "replay", "snapshot", ...tableCommands],
  }),
} as const;

/** What the process may use. */
export const resourceSettings = {
  workers: setting({
    type: autoOr(wholeNumber({ min: 0, max: 256, example: "2", placeholder: "<threads>" })),
    default: "auto",
    defaultText: "`auto`: one for each core",
    group: "Resources",
    description: "Threads that decode and encode; 0 does it in the main thread",
    commands: ["run", "replay"],
  }),
  memory: setting({
    type: autoOr(byteSize({ min: memoryBytesMin, max: 2 ** 44, example: "512MiB" })),
    default: "auto",
    defaultText: "`auto`: three quarters of the container's or machine's, at most 512 MiB",
    group: "Resources",
    description:
      "Memory that the process should stay within. Input held for the next commits has " +
      "its share of it: with too little, commits are smaller and reading waits",
    commands: ["run", "replay"],
  }),
} as const;

/** What is printed. */
export const outputSettings = {
  logLevel: setting({
    type: choice(["debug", "info", "warn", "error"]),
    default: "info",
    group: "Output",
    description: "Lowest level that is logged on standard error; debug also prints stack traces",
    commands: ["run", "replay", "deploy-connector", "snapshot", ...tableCommands, "health"],
  }),
} as const;
