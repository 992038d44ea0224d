import { CdcDeltaError, messageOf } from "../../errors.ts";
import { type LosslessInput, parseLossless, stringifyLossless } from "../schema/lossless-json.ts";
import { asActionObject, badAction } from "./action-fields.ts";
import {
  readAdd,
  readCdcFile,
  readDomainMetadata,
  readMetadata,
  readProtocol,
  readRemove,
  readTransaction,
} from "./action-parts.ts";
import type { Action, CommitInfo } from "./actions.ts";
import { repairAdvice } from "./repair-advice.ts";

export type ParseCommitOptions = {
  /** The file, for messages. */
  readonly source: string;
  /** False leaves out `add`, `remove` and `cdc` without parsing them. Default true. */
  readonly files?: boolean;
};

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * The actions of a commit file (newline-delimited JSON), in order. Actions of unknown kinds are
 * left out, as the protocol asks. Throws `log-corrupt`, naming file and line.
 */
export function parseCommit(bytes: Uint8Array, options: ParseCommitOptions): Action[] {
  const actions: Action[] = [];
  const lines = decoder.decode(bytes).split("\n");
  for (const [index, line] of lines.entries()) {
    if (options.files === false && fileActionStart.test(line)) continue;
    try {
      const action = parseAction(line);
      if (action !== null) actions.push(action);
    } catch (cause) {
      const where = `${options.source}, line ${index + 1}`;
      if (cause instanceof CdcDeltaError && cause.code !== "log-corrupt") throw cause;
      throw new CdcDeltaError(
        "log-corrupt",
        `Cannot read the Delta log at ${where}: ${messageOf(cause)}. ${repairAdvice}`,
        { cause, context: { file: options.source, line: index + 1 } },
      );
    }
  }
  return actions;
}

const fileActionStart = /^\s*\{\s*"(?:add|remove|cdc)"\s*:/;

/** Digits that a JavaScript number may round: only then is the slow, lossless parser needed. */
const longNumber = /\d{16}/;

/** One line → an action; null for blank lines and unknown kinds. Throws `log-corrupt`. */
export function parseAction(line: string): Action | null {
  if (line.trim() === "") return null;
  let json: unknown;
  try {
    json = JSON.parse(line);
    const object = asActionObject(json, "an action");
    if (object["commitInfo"] === undefined && longNumber.test(line)) json = parseLossless(line);
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

/** Actions → a commit file: one line each, `\n` after every one, no digit lost. */
export function serializeCommit(actions: readonly Action[]): Uint8Array {
  return encoder.encode(actions.map((action) => `${serializeAction(action)}\n`).join(""));
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
