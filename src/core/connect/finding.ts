/** The outcome of one check before a connector is deployed. */
export type Finding = {
  /** `ok`; `warning`: deploying is possible, but; `problem`: it would fail; `skipped`: not checked. */
  readonly state: "ok" | "warning" | "problem" | "skipped";
  /** What was looked at: `plugin`, `mongodb.connection.string`, … */
  readonly subject: string;
  readonly text: string;
  /** What to do about it, or null. */
  readonly fix: string | null;
};

/** Something that is as it should be. */
export function okay(subject: string, text: string): Finding {
  return { state: "ok", subject, text, fix: null };
}

/** Something that works, but not as well as it should. */
export function warning(subject: string, text: string, fix: string): Finding {
  return { state: "warning", subject, text, fix };
}

/** Something that keeps the connector from working. */
export function problem(subject: string, text: string, fix: string): Finding {
  return { state: "problem", subject, text, fix };
}

/** Something that could not be looked at, and why. */
export function skipped(subject: string, text: string, fix: string | null = null): Finding {
  return { state: "skipped", subject, text, fix };
}
