/** What Connect tells, as far as we use it. */

/** A connector's configuration as Connect keeps it: texts by key. */
export type ConnectorConfig = Readonly<Record<string, string>>;

export type ConnectPlugin = {
  readonly className: string;
  readonly type: string;
  readonly version: string;
};

/** `UNASSIGNED`, `RUNNING`, `PAUSED`, `FAILED`, `RESTARTING`, `STOPPED`; newer ones may come. */
export type ConnectState = string;

export type TaskStatus = {
  readonly id: number;
  readonly state: ConnectState;
  readonly worker: string;
  /** The stack trace of a failure, or null. */
  readonly trace: string | null;
};

export type ConnectorStatus = {
  readonly name: string;
  readonly type: string;
  readonly state: ConnectState;
  readonly worker: string;
  readonly trace: string | null;
  readonly tasks: readonly TaskStatus[];
};

export type ConnectorOverview = {
  readonly name: string;
  /** Null where Connect has no status yet. */
  readonly status: ConnectorStatus | null;
  readonly config: ConnectorConfig;
};

/** One field of Connect's validation. */
export type ValidatedField = {
  readonly name: string;
  /** `STRING`, `PASSWORD`, …; empty where Connect does not know the field. */
  readonly type: string;
  readonly errors: readonly string[];
};

export type ConfigValidation =
  | {
    readonly kind: "validated";
    readonly errorCount: number;
    readonly fields: readonly ValidatedField[];
  }
  /** Not even validated: a class that is not there, a broken request. */
  | { readonly kind: "refused"; readonly message: string };

export type PutOutcome =
  | { readonly kind: "created" | "updated" }
  /** The configuration is wrong; Connect's message names the errors. */
  | { readonly kind: "refused"; readonly message: string };

/** Of a request to one connector. */
export type ConnectorAnswer =
  | { readonly kind: "done" }
  | { readonly kind: "absent" }
  /** This Connect is too old for it, or its state forbids it. */
  | { readonly kind: "refused"; readonly message: string };

/** One source partition with its offset, both as Connect shows them. */
export type ConnectorOffset = { readonly partition: unknown; readonly offset: unknown };

export type OffsetsAnswer =
  | { readonly kind: "offsets"; readonly offsets: readonly ConnectorOffset[] }
  | { readonly kind: "absent" }
  | { readonly kind: "refused"; readonly message: string };

export type ConnectProbe =
  | { readonly kind: "ready"; readonly version: string; readonly clusterId: string }
  /** Waiting may help. */
  | { readonly kind: "away"; readonly reason: string }
  /** Waiting will not help: what answers is not Connect, or does not let us in. */
  | { readonly kind: "hopeless"; readonly reason: string };
