import { expect, test } from "bun:test";
import { networkReason } from "../../src/cli/network-reason.ts";

const withCode = (message: string, code: unknown): Error =>
  Object.assign(new Error(message), { code });

test.each([
  [withCode("Unable to connect. Is the computer able to?", "ECONNREFUSED"), "ECONNREFUSED"],
  [new TypeError("fetch failed", { cause: withCode("connect", "EHOSTUNREACH") }), "EHOSTUNREACH"],
  [new DOMException("The operation timed out.", "TimeoutError"), "The operation timed out"],
  [withCode("odd", 7), "odd"],
  [withCode("certificate has expired", "CERT_HAS_EXPIRED"), "certificate has expired"],
  ["text", "text"],
])("networkReason(%p) is %p", (error, reason) => {
  expect(networkReason(error)).toBe(reason);
});
