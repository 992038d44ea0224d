import { Buffer } from "node:buffer";
import type { S3Encryption } from "./s3-options.ts";

/** Headers of a request that starts an object. */
export function encryptionOfObject(encryption: S3Encryption | undefined) {
  switch (encryption?.kind) {
    case undefined:
      return {};
    case "aes256":
      return { ServerSideEncryption: "AES256" as const };
    case "kms":
      return {
        ServerSideEncryption: "aws:kms" as const,
        ...(encryption.keyId === undefined ? {} : { SSEKMSKeyId: encryption.keyId }),
      };
    case "customer":
      return encryptionOfAccess(encryption);
  }
}

/** Headers of a request that touches an object's bytes: only SSE-C wants any. */
export function encryptionOfAccess(encryption: S3Encryption | undefined) {
  return encryption?.kind === "customer"
    ? {
      SSECustomerAlgorithm: "AES256",
      SSECustomerKey: Buffer.from(encryption.key).toString("base64"),
    }
    : {};
}
