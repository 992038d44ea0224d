import type { Problem } from "../settings/problem.ts";

const views = ["history", "files", "rows", "changes", "offset", "health", "ddl"] as const;

type View = typeof views[number];

/** Flags of `inspect` that fit together. Pure. */
export function inspectRequirements(options: Readonly<Record<string, unknown>>): Problem[] {
  const given = (key: string): boolean => options[key] !== null && options[key] !== false;
  const asked = views.filter(given);
  const problems: Problem[] = [];
  if (asked.length > 1) {
    problems.push({
      place: asked.map((view) => `--${view}`).join(", "),
      message: "show different things",
      fix: "ask for one of them at a time",
    });
  }
  const [view] = asked;
  return [
    ...problems,
    ...versionProblems(view, given),
    ...rowProblems(view, given),
    ...formatProblems(view, options["format"]),
  ];
}

/** What a view shows whatever version is asked for. */
const withoutVersion: Readonly<Partial<Record<View, string>>> = {
  ddl: "the statements register the table, which stands at its newest version",
  health: "health is that of the newest version",
  offset: "a record is looked for in all versions",
  changes: "changes are those of a range of versions",
};

function versionProblems(view: View | undefined, given: (key: string) => boolean): Problem[] {
  const problems: Problem[] = [];
  if (given("version") && given("timestamp")) {
    problems.push({
      place: "--version, --timestamp",
      message: "both say which version to look at",
      fix: "use one of them",
    });
  }
  const message = view === undefined ? undefined : withoutVersion[view];
  if (message !== undefined && (given("version") || given("timestamp"))) {
    problems.push({
      place: given("version") ? "--version" : "--timestamp",
      message,
      fix: `remove it, or leave --${view} out`,
    });
  }
  return problems;
}

function rowProblems(view: View | undefined, given: (key: string) => boolean): Problem[] {
  const problems: Problem[] = [];
  if (given("limit") && view !== "history" && view !== "files" && view !== "changes") {
    problems.push({
      place: "--limit",
      message: "limits --history, --files and --changes only",
      fix: view === "rows" ? "write --rows with the number of rows" : "remove it",
    });
  }
  for (const key of ["columns", "where"].filter(given)) {
    if (view === "rows" || view === "changes") continue;
    problems.push({
      place: `--${key}`,
      message: "is for rows",
      fix: view === undefined ? "write --rows all as well" : "remove it",
    });
  }
  return problems;
}

function formatProblems(view: View | undefined, format: unknown): Problem[] {
  const wrong = (message: string, fix: string): Problem[] => [{
    place: "--format",
    message,
    fix,
  }];
  if (view === "ddl" && format !== "table") {
    return wrong("statements have no other form", "remove --format");
  }
  if (format === "csv" && (view === undefined || view === "health" || view === "offset")) {
    return wrong(
      "csv is for lists: --rows, --changes, --history or --files",
      "use --format json, or ask for a list",
    );
  }
  if (format === "arrow" && view !== "rows" && view !== "changes") {
    return wrong("arrow is for rows", "use --format json, or ask for --rows or --changes");
  }
  return [];
}
