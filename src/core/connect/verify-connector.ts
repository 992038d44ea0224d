import type { Clock } from "../../delta/clock.ts";
import { agreeingLooksMin } from "../../limits.ts";
import type { ConnectClient } from "./connect-client.ts";
import type { ConnectorStatus } from "./connect-types.ts";

export type Verification =
  | { readonly kind: "running"; readonly status: ConnectorStatus }
  /** The connector or a task has failed; the traces are in the status. */
  | { readonly kind: "failed"; readonly status: ConnectorStatus }
  /** Paused or stopped on purpose: it will not run by itself. */
  | { readonly kind: "idle"; readonly status: ConnectorStatus }
  /** It came neither to run nor to fail. */
  | { readonly kind: "undecided"; readonly status: ConnectorStatus | null };

export type VerifyOptions = {
  readonly tries: number;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Hears of each poll. */
  readonly onPoll?: (attempt: number, status: ConnectorStatus | null) => void;
};

/** Polls until connector and every task are seen running (or failed, or idle) several times in a row. */
export async function verifyConnector(
  client: ConnectClient,
  name: string,
  { tries, intervalMs, clock, signal, onPoll }: VerifyOptions,
): Promise<Verification> {
  let inARow = 0;
  let before = "";
  let status: ConnectorStatus | null = null;
  for (let attempt = 1; attempt <= tries; attempt++) {
    if (attempt > 1) await clock.sleep(intervalMs, signal);
    status = await client.status(name, { signal });
    const state = status === null ? "undecided" : verdictOf(status);
    inARow = state === before ? inARow + 1 : 1;
    before = state;
    onPoll?.(attempt, status);
    if (status !== null && state !== "undecided" && inARow >= Math.min(agreeingLooksMin, tries)) {
      return { kind: state, status };
    }
  }
  return { kind: "undecided", status };
}

/** What one status says. Pure. */
export function verdictOf(
  { state, tasks }: Pick<ConnectorStatus, "state" | "tasks">,
): "running" | "failed" | "idle" | "undecided" {
  if (state === "FAILED" || tasks.some((task) => task.state === "FAILED")) return "failed";
  if (state === "STOPPED") return "idle";
  if (state === "PAUSED" && tasks.every((task) => task.state === "PAUSED")) return "idle";
  const running = state === "RUNNING" && tasks.length > 0 &&
    tasks.every((task) => task.state === "RUNNING");
  return running ? "running" : "undecided";
}
