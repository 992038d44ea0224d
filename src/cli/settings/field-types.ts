import type { MaskMode } from "../../core/decode/decode-rules.ts";
import { columnNameProblem, splitPath } from "../../core/decode/field-rename.ts";
import { readPairs } from "./list-types.ts";
import { invalid, ok, type ValueType, valueType } from "./value-type.ts";

const modes: readonly MaskMode[] = ["hash", "redact", "none"];

/** Fields and what becomes of their values: `email=hash`. */
export function fieldMasks(): ValueType<Readonly<Record<string, MaskMode>>> {
  return valueType<Readonly<Record<string, MaskMode>>>({
    placeholder: "<path=hash|redact>",
    form: "`email=hash` or `address.zip=redact`; in a file a mapping",
    arity: "repeatable",
    read: (input) => {
      const pairs = readPairs(input);
      if (pairs.kind === "invalid") return pairs;
      const masks: Record<string, MaskMode> = {};
      for (const [path, written] of pairs.value) {
        const mode = modes.find((each) => each === written);
        if (mode === undefined) {
          return invalid(
            `"${path}" cannot be masked with ${String(written)}`,
            "use hash or redact",
          );
        }
        if (mode === "redact" && isId(path)) {
          return invalid(
            `"${path}" cannot be redacted: all documents would have one key`,
            `use ${path}=hash`,
          );
        }
        masks[path] = mode;
      }
      return ok(masks);
    },
    show: (value) => ({ ...value }),
  });
}

function isId(path: string): boolean {
  return path === "_id" || path.startsWith("_id.");
}

/** Fields and the names of their columns: `address.zip=address.postcode`. */
export function fieldRenames(): ValueType<Readonly<Record<string, string>>> {
  return valueType<Readonly<Record<string, string>>>({
    placeholder: "<path=path>",
    form: "`zip=postcode` or `address.zip=address.postcode`; in a file a mapping",
    arity: "repeatable",
    read: (input) => {
      const pairs = readPairs(input);
      if (pairs.kind === "invalid") return pairs;
      const renames: Record<string, string> = {};
      for (const [from, written] of pairs.value) {
        const to = String(written);
        const problem = renameProblem(from, to);
        if (problem !== null) return problem;
        renames[from] = to;
      }
      const twice = targetTwice(renames);
      if (twice !== null) {
        return invalid(`two fields are renamed to "${twice}"`, "give each a name of its own");
      }
      return ok(renames);
    },
    show: (value) => ({ ...value }),
  });
}

function renameProblem(from: string, to: string): ReturnType<typeof invalid<never>> | null {
  const source = splitPath(from);
  const target = splitPath(to);
  if (source.parent !== target.parent) {
    const fix = source.parent === "" ? target.name : `${source.parent}.${target.name}`;
    return invalid(
      `"${from}" cannot become "${to}": a field keeps its place in the document`,
      `write ${from}=${fix}`,
    );
  }
  switch (columnNameProblem(target.name, target.parent === "")) {
    case "name":
      return invalid(
        `"${target.name}" cannot be the name of a column`,
        "write a name without spaces, tabs, line feeds and ,;{}()=",
      );
    case "reserved-name":
      return invalid(`"${target.name}" is a column of cdcdelta's own`, "write another name");
    case null:
      return null;
  }
}

/** A name that two fields of one document would have; names differ in more than case. */
export function targetTwice(renames: Readonly<Record<string, string>>): string | null {
  const seen = new Set<string>();
  for (const [from, to] of Object.entries(renames)) {
    const key = `${splitPath(from).parent}\n${splitPath(to).name.toLowerCase()}`;
    if (seen.has(key)) return to;
    seen.add(key);
  }
  return null;
}
