import { CdcDeltaError } from "../errors.ts";

/** What the process ends with; scripts rely on it. */
export const exitCodes = {
  /** The command did what it was asked; also when the reader of standard output went away. */
  done: 0,
  /** It failed: the message on standard error says why. */
  failed: 1,
  /** Flags, environment or configuration are wrong; nothing was started. */
  usage: 2,
  /** The shutdown grace was over before all that was read was committed; nothing is lost. */
  gaveUp: 3,
  /**
   * SIGINT before the command was done; for `run` a second one: uncommitted rows are read again next
   * time.
   */
  interrupted: 130,
  /** The same by SIGTERM. */
  terminated: 143,
} as const;

export type ExitCode = typeof exitCodes[keyof typeof exitCodes];

/** The code of a command that threw. */
export function exitCodeOf(error: unknown): ExitCode {
  const usage = error instanceof CdcDeltaError && error.code === "usage";
  return usage ? exitCodes.usage : exitCodes.failed;
}

/** The code of a command that was ended by a signal; its name is the reason of the abort. */
export function interruptedCode(signal: AbortSignal): ExitCode {
  return signal.reason === "SIGTERM" ? exitCodes.terminated : exitCodes.interrupted;
}

/** The codes for help and documentation. */
export const exitCodeTexts: readonly (readonly [ExitCode, string])[] = [
  [exitCodes.done, "done"],
  [exitCodes.failed, "failed; standard error says why"],
  [exitCodes.usage, "wrong usage or configuration; nothing was started"],
  [exitCodes.gaveUp, "told to end, but not done within the shutdown grace; run again to go on"],
  [exitCodes.interrupted, "ended by SIGINT before it was done (run: by a second one)"],
  [exitCodes.terminated, "the same by SIGTERM"],
];
