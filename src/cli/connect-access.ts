import { readFileSync } from "node:fs";
import { type ConnectClient, connectClient } from "../core/connect/connect-client.ts";
import type { ConnectAccess } from "../core/connect/connect-http.ts";
import type { ConnectRetry } from "../core/connect/connect-request.ts";
import { CdcDeltaError, messageOf } from "../errors.ts";
import { systemClock } from "./clock.ts";
import { systemRandom } from "./random.ts";
import type { Settings } from "./settings/settings.ts";

/** A client of the Kafka Connect that the settings name; connects nothing yet. Errors: `usage`. */
export function connectClientOf(
  values: Settings,
  onRetry: (event: ConnectRetry) => void,
): ConnectClient {
  const world = { clock: systemClock, random: systemRandom, onRetry };
  return connectClient(connectAccessOf(values), world);
}

/** How the settings reach Kafka Connect; reads the CA file. Errors: `usage`. */
export function connectAccessOf(values: Settings): ConnectAccess {
  return {
    url: values.connectUrl.replace(/\/+$/, ""),
    username: values.connectUsername,
    password: values.connectPassword,
    ca: values.connectCa === null ? null : readPem(values.connectCa),
    requestTimeoutMs: values.connectRequestTimeout,
  };
}

function readPem(path: string): string {
  const fix = "Correct KAFKA_CONNECT_CA_LOCATION (--connect-ca)";
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new CdcDeltaError("usage", `Cannot read "${path}": ${messageOf(cause)}. ${fix}`, {
      cause,
    });
  }
  if (text.includes("-----BEGIN ")) return text;
  throw new CdcDeltaError("usage", `Cannot use "${path}": it is not a PEM file. ${fix}`);
}
