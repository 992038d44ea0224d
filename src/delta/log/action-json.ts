import { CdcDeltaError, messageOf } from "../../errors.ts";
import { type LosslessInput, parseLossless, stringifyLossless } from "../schema/lossless-json.ts";
import { type ActionObject, asActionObject, badAction } from "./action-fields.ts";
import {
  hasUnknownMembers,
  readAdd,
  readCdcFile,
  readDomainMetadata,
  readMetadata,
  readProtocol,
  readRemove,
  readTransaction,
} from "./action-parts.ts";
import type { Action, CommitInfo } from "./actions.ts";
import { type Line, type LineKind, lineKind, linesOf } from "./log-lines.ts";
import { repairAdvice } from "./repair-advice.ts";

export type ParseCommitOptions = {
  /** The file, for messages. */
  readonly source: string;
  /** False leaves out `add`, `remove` and `cdc`, as a rule without parsing. Default true. */
  readonly files?: boolean;
  /** The same for `commitInfo`. Default true. */
  readonly commitInfo?: boolean;
  /** The number of the first line, for messages; null: not known. Default 1. */
  readonly firstLine?: number | null;
};

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * The actions of a commit file (newline-delimited JSON), in order. Actions of unknown kinds are
 * left out, as the protocol asks. Throws `log-corrupt`, naming file and line.
 */
export function parseCommit(bytes: Uint8Array, options: ParseCommitOptions): Action[] {
  const actions: Action[] = [];
  for (const [index, line] of linesOf(bytes).entries()) {
    const kind = lineKind(bytes, line);
    const isWanted = kind === "commitInfo"
      ? options.commitInfo !== false
      : options.files !== false || !isOfFile(bytes, line, kind);
    // A file that was cut ends in the middle of a line: then nothing may be built on it.
    if (!isWanted && line.end < bytes.length) continue;
    const action = parseLine(bytes, line, index, options);
    if (isWanted && action !== null) actions.push(action);
  }
  return actions;
}

const fileActionStart = /^\s*\{\s*"(?:add|remove|cdc)"\s*:\s*\{/;
/** White space that a writer may have put in front of an action. */
const startBytesMax = 64;

function isOfFile(bytes: Uint8Array, { start, end }: Line, kind: LineKind | null): boolean {
  if (kind !== null) return kind === "add" || kind === "remove" || kind === "cdc";
  const head = bytes.subarray(start, Math.min(end, start + startBytesMax));
  return fileActionStart.test(decoder.decode(head));
}

/**
 * The `add` or the `remove` actions of some lines of the log, the last one first; others are not
 * parsed. Throws as `parseCommit`.
 */
export function parseFileActions<Kind extends "add" | "remove">(
  bytes: Uint8Array,
  kind: Kind,
  options: Pick<ParseCommitOptions, "source" | "firstLine">,
): Extract<Action, { readonly kind: Kind }>[] {
  const found: Extract<Action, { readonly kind: Kind }>[] = [];
  const isWanted = (action: Action): action is Extract<Action, { readonly kind: Kind }> =>
    action.kind === kind;
  const lines = linesOf(bytes);
  for (let index = lines.length - 1; index >= 0; index--) {
    const line = lines[index]!;
    const told = lineKind(bytes, line);
    if (told !== null && told !== kind) continue;
    const action = parseLine(bytes, line, index, options);
    if (action !== null && isWanted(action)) found.push(action);
  }
  return found;
}

function parseLine(
  bytes: Uint8Array,
  { start, end }: Line,
  index: number,
  { source, firstLine = 1 }: Pick<ParseCommitOptions, "source" | "firstLine">,
): Action | null {
  try {
    return parseAction(decoder.decode(bytes.subarray(start, end)));
  } catch (cause) {
    const line = firstLine === null ? null : firstLine + index;
    if (cause instanceof CdcDeltaError && cause.code !== "log-corrupt") throw cause;
    throw new CdcDeltaError(
      "log-corrupt",
      `Cannot read the Delta log at ${source}${line === null ? "" : `, line ${line}`}: ` +
        `${messageOf(cause)}. ${repairAdvice}`,
      { cause, context: { file: source, ...(line === null ? {} : { line }) } },
    );
  }
}

/** One line → an action; null for blank lines and unknown kinds. Throws `log-corrupt`. */
export function parseAction(line: string): Action | null {
  if (line.trim() === "") return null;
  let json: unknown;
  try {
    json = JSON.parse(line);
    const object = asActionObject(json, "an action");
    const isExact = object["commitInfo"] !== undefined ||
      !(mayBeRounded(object) || someUnknown(object));
    if (!isExact) json = parseLossless(line);
  } catch (cause) {
    if (cause instanceof CdcDeltaError) throw cause;
    throw badAction("it is not JSON");
  }
  for (const [kind, value] of Object.entries(json as object)) {
    if (value === null || value === undefined) continue;
    const action = readKind(kind, value);
    if (action !== null) return action;
  }
  return null;
}

/** True when members are kept that we do not know: then as they are written. */
function someUnknown(action: ActionObject): boolean {
  return Object.entries(action).some(([kind, value]) =>
    typeof value === "object" && value !== null && hasUnknownMembers(kind, value as ActionObject)
  );
}

/** True for numbers that JavaScript may have rounded: only then is the slow parser needed. */
function mayBeRounded(value: unknown): boolean {
  if (typeof value === "number") return !Number.isSafeInteger(value);
  if (typeof value !== "object" || value === null) return false;
  for (const key in value) {
    if (mayBeRounded((value as Readonly<Record<string, unknown>>)[key])) return true;
  }
  return false;
}

function readKind(kind: string, value: unknown): Action | null {
  switch (kind) {
    case "add":
      return { kind, add: readAdd(asActionObject(value, kind)) };
    case "remove":
      return { kind, remove: readRemove(asActionObject(value, kind)) };
    case "metaData":
      return { kind, metaData: readMetadata(asActionObject(value, kind)) };
    case "protocol":
      return { kind, protocol: readProtocol(asActionObject(value, kind)) };
    case "txn":
      return { kind, txn: readTransaction(asActionObject(value, kind)) };
    case "domainMetadata":
      return { kind, domainMetadata: readDomainMetadata(asActionObject(value, kind)) };
    case "cdc":
      return { kind, cdc: readCdcFile(asActionObject(value, kind)) };
    case "commitInfo":
      return { kind, commitInfo: asActionObject(value, kind) as CommitInfo };
    default:
      return null;
  }
}

/** Lines that are text at the same time: a restore may take half a million files out. */
const linesAtOnce = 4096;

/** Actions → a commit file: one line each, `\n` after every one, no digit lost. */
export function serializeCommit(actions: readonly Action[]): Uint8Array {
  let bytes: Uint8Array = new Uint8Array(0);
  let size = 0;
  for (let from = 0; from < actions.length; from += linesAtOnce) {
    const lines = actions.slice(from, from + linesAtOnce);
    const more = encoder.encode(lines.map((action) => `${serializeAction(action)}\n`).join(""));
    if (from === 0) bytes = more;
    else {
      if (size + more.length > bytes.length) {
        const larger = new Uint8Array((size + more.length) * 2);
        larger.set(bytes.subarray(0, size));
        bytes = larger;
      }
      bytes.set(more, size);
    }
    size += more.length;
  }
  return bytes.subarray(0, size);
}

/** One action as one line, without the line end. */
export function serializeAction(action: Action): string {
  switch (action.kind) {
    case "add":
      return line("add", action.add);
    case "remove":
      return line("remove", action.remove);
    case "metaData":
      return line("metaData", action.metaData);
    case "protocol":
      return line("protocol", action.protocol);
    case "txn":
      return line("txn", action.txn);
    case "domainMetadata":
      return line("domainMetadata", action.domainMetadata);
    case "cdc":
      return line("cdc", action.cdc);
    case "commitInfo":
      return line("commitInfo", action.commitInfo);
  }
}

function line(kind: string, value: object): string {
  return stringifyLossless({ [kind]: value as LosslessInput });
}
