import { createHash } from "node:crypto";
import { CdcDeltaError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import type { JsonValue } from "../schema/data-type.ts";
import { parseLossless, rawNumberText, stringifyLossless } from "../schema/lossless-json.ts";
import type { Sidecar } from "./actions.ts";
import { lastCheckpointKey } from "./log-path.ts";

/** What `_last_checkpoint` tells: a hint, never the truth (PROTOCOL.md, "Last Checkpoint File"). */
export type LastCheckpoint = {
  readonly version: number;
  /** Actions in the checkpoint. */
  readonly size: number;
  /** Files of a multi-part checkpoint. */
  readonly parts?: number;
  readonly sizeInBytes?: number;
  readonly numOfAddFiles?: number;
  readonly v2Checkpoint?: V2CheckpointHint;
};

/** The top file of a V2 checkpoint, and its sidecars where they are few. */
export type V2CheckpointHint = {
  /** Its name in `_delta_log/`. */
  readonly path: string;
  readonly sizeInBytes: number;
  readonly modificationTime: number;
  readonly sidecarFiles?: readonly Sidecar[];
};

/** Reads the hint; null when it is missing, broken, or its checksum is wrong. */
export async function readLastCheckpoint(
  engine: Engine,
  { signal }: { readonly signal: AbortSignal },
): Promise<LastCheckpoint | null> {
  let bytes: Uint8Array;
  try {
    bytes = await engine.store.get(lastCheckpointKey, { signal });
  } catch (error) {
    if (error instanceof CdcDeltaError && error.code === "not-found") return null;
    throw error;
  }
  return parseLastCheckpoint(new TextDecoder().decode(bytes));
}

/** The text of `_last_checkpoint` → the hint, or null as above. Pure. */
export function parseLastCheckpoint(text: string): LastCheckpoint | null {
  let json: JsonValue;
  try {
    json = parseLossless(text);
  } catch {
    return null;
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) return null;
  const object = json as { readonly [key: string]: JsonValue };
  const checksum = object["checksum"];
  if (typeof checksum === "string" && checksum !== checksumOf(object)) return null;
  const { version, size, parts, sizeInBytes, numOfAddFiles } = object;
  if (!isCount(version)) return null;
  return {
    version,
    size: isCount(size) ? size : 0,
    ...(isCount(parts) ? { parts } : {}),
    ...(isCount(sizeInBytes) ? { sizeInBytes } : {}),
    ...(isCount(numOfAddFiles) ? { numOfAddFiles } : {}),
  };
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** The hint as the text of `_last_checkpoint`, with its checksum. Pure. */
export function formatLastCheckpoint(hint: LastCheckpoint): string {
  const object = hint as { readonly [key: string]: JsonValue };
  return stringifyLossless({ ...object, checksum: checksumOf(object) });
}

/** MD5 of the canonical form (PROTOCOL.md, "JSON checksum"); `checksum` itself does not count. */
export function checksumOf(json: { readonly [key: string]: JsonValue }): string {
  const leaves: [path: string, value: string][] = [];
  for (const [key, value] of Object.entries(json)) {
    if (key !== "checksum") collectLeaves(quote(key), value, leaves);
  }
  // The canonical form is ASCII, so this order is the one of its bytes.
  leaves.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const canonical = leaves.map(([path, value]) => `${path}=${value}`).join(",");
  return createHash("md5").update(canonical).digest("hex");
}

function collectLeaves(path: string, value: JsonValue, leaves: [string, string][]): void {
  const raw = rawNumberText(value);
  if (raw !== null) leaves.push([path, raw]);
  else if (typeof value === "string") leaves.push([path, quote(value)]);
  else if (typeof value !== "object" || value === null) leaves.push([path, String(value)]);
  else if (Array.isArray(value)) {
    const items: readonly JsonValue[] = value;
    items.forEach((item, index) => collectLeaves(`${path}+${index}`, item, leaves));
  } else {
    for (const [key, member] of Object.entries(value)) {
      collectLeaves(`${path}+${quote(key)}`, member, leaves);
    }
  }
}

const unreserved = /[A-Za-z0-9\-._~]/;

function quote(text: string): string {
  let encoded = "";
  for (const byte of new TextEncoder().encode(text)) {
    const character = String.fromCharCode(byte);
    encoded += unreserved.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return `"${encoded}"`;
}
