import type { Problem } from "../settings/problem.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";

/** Tables are named, or all of them are meant and it is known where they lie. Pure. */
export function tablesRequirements(
  { values, origins }: ResolvedSettings,
  options: Readonly<Record<string, unknown>>,
  words: readonly string[],
): Problem[] {
  const all = options["all"] === true;
  if (all && words.length > 0) {
    return [{
      place: "--all",
      message: `takes every table below the base path, but "${words[0]}" is named as well`,
      fix: "use one of them",
    }];
  }
  if (!all && words.length === 0) {
    return [{
      place: "[table…]",
      message: "is missing: no table is named",
      fix: "write the paths or URIs of tables, or --all with --base-path",
    }];
  }
  if (all && values.basePath === null && origins.get("basePath")?.kind === "default") {
    return [{
      place: "--base-path",
      message: "is missing: --all takes the tables below it",
      fix: "write --base-path with a folder or s3://bucket/prefix, or set DELTA_TABLE_BASE_PATH",
    }];
  }
  return words.filter((word) => word.trim() === "").map(() => ({
    place: "[table…]",
    message: "is empty",
    fix: "write the path or URI of a table",
  }));
}

/** One order of rows, and a folder only where rows are put into order. Pure. */
export function optimizeRequirements(options: Readonly<Record<string, unknown>>): Problem[] {
  const given = ["zOrder", "sortBy"].filter((key) => options[key] !== null);
  if (given.length > 1) {
    return [{
      place: "--z-order, --sort-by",
      message: "both say how rows are ordered",
      fix: "use one of them",
    }];
  }
  if (options["engine"] === "spark" && options["sortBy"] !== null) {
    return [{
      place: "--sort-by",
      message: "is not known to Spark's OPTIMIZE",
      fix: "write --z-order, or leave --engine spark out",
    }];
  }
  if (given.length === 1 || options["spillDir"] === null) return [];
  return [{
    place: "--spill-dir",
    message: "is of no use: files are merged without it",
    fix: "leave it out, or write --z-order or --sort-by",
  }];
}

/** One way to say which version comes back. Pure. */
export function restoreRequirements(options: Readonly<Record<string, unknown>>): Problem[] {
  const given = ["version", "timestamp"].filter((key) => options[key] !== null);
  if (given.length === 1) return [];
  const place = "--version, --timestamp";
  return [
    given.length === 0
      ? {
        place,
        message: "are missing: it is not said which version comes back",
        fix: "write one of them; cdcdelta inspect --history lists the versions",
      }
      : { place, message: "both say which version comes back", fix: "use one of them" },
  ];
}
