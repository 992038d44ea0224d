import { CdcDeltaError } from "../../errors.ts";
import { rawNumberText } from "../schema/lossless-json.ts";

/** An action's object as parsed; members are checked when they are read. */
export type ActionObject = Readonly<Record<string, unknown>>;

/** What is wrong with an action; the caller adds the file and the line. */
export function badAction(why: string): CdcDeltaError {
  return new CdcDeltaError("log-corrupt", why);
}

/** An object that is no list; throws `log-corrupt` for anything else. */
export function asActionObject(value: unknown, what: string): ActionObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badAction(`"${what}" is not an object`);
  }
  return value as ActionObject;
}

/** A text; undefined when absent or null, `log-corrupt` for another type (so for all below). */
export function optionalString(object: ActionObject, key: string): string | undefined {
  const value = object[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw badAction(`"${key}" is not a string`);
  return value;
}

/** A text that has to be there. */
export function requiredString(object: ActionObject, key: string): string {
  const value = optionalString(object, key);
  if (value === undefined) throw badAction(`"${key}" is missing`);
  return value;
}

/** An integer that a JavaScript number holds exactly. */
export function optionalInteger(object: ActionObject, key: string): number | undefined {
  const value = optionalBigint(object, key);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw badAction(`"${key}" is out of range: ${value}`);
  return number;
}

/** As `optionalInteger`, for one that has to be there. */
export function requiredInteger(object: ActionObject, key: string): number {
  const value = optionalInteger(object, key);
  if (value === undefined) throw badAction(`"${key}" is missing`);
  return value;
}

/** A 64-bit integer, every digit of it. */
export function optionalBigint(object: ActionObject, key: string): bigint | undefined {
  const value = object[key];
  if (value === undefined || value === null) return undefined;
  // Beyond 2^53 a number stays a number where its text is what JavaScript prints for it.
  if (typeof value === "number" && Number.isInteger(value) && Math.abs(value) < 1e21) {
    return BigInt(String(value));
  }
  if (typeof value === "bigint") return value;
  const text = rawNumberText(value);
  const digits = text === null ? null : /^(-?\d+)(?:\.0+)?$/.exec(text);
  if (digits?.[1] === undefined) throw badAction(`"${key}" is not an integer`);
  return BigInt(digits[1]);
}

/** As `optionalBigint`, for one that has to be there. */
export function requiredBigint(object: ActionObject, key: string): bigint {
  const value = optionalBigint(object, key);
  if (value === undefined) throw badAction(`"${key}" is missing`);
  return value;
}

/** True or false. */
export function optionalBoolean(object: ActionObject, key: string): boolean | undefined {
  const value = object[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "boolean") throw badAction(`"${key}" is not true or false`);
  return value;
}

/** A list of texts. */
export function optionalStrings(object: ActionObject, key: string): string[] | undefined {
  const value = object[key];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
    throw badAction(`"${key}" is not a list of strings`);
  }
  return value;
}

/** Strings or nulls by name; a `Map` too, as maps come out of Parquet. */
export function optionalStringMap(
  object: ActionObject,
  key: string,
): Record<string, string | null> | undefined {
  const value = object[key];
  if (value === undefined || value === null) return undefined;
  const entries: readonly (readonly [unknown, unknown])[] = value instanceof Map
    ? [...(value as ReadonlyMap<unknown, unknown>)]
    : Object.entries(asActionObject(value, key));
  return Object.fromEntries(entries.map(([name, item]): [string, string | null] => {
    if (typeof name === "string" && (item === null || typeof item === "string")) {
      return [name, item];
    }
    throw badAction(`"${key}" has a member that is not a string`);
  }));
}

/** As `optionalStringMap`, without its null members. */
export function optionalTexts(
  object: ActionObject,
  key: string,
): Record<string, string> | undefined {
  const map = optionalStringMap(object, key);
  if (map === undefined) return undefined;
  const texts: Record<string, string> = {};
  for (const [name, item] of Object.entries(map)) if (item !== null) texts[name] = item;
  return texts;
}
