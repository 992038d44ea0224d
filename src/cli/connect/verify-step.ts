import type { ConnectorStatus } from "../../core/connect/connect-types.ts";
import { type Verification, verifyConnector } from "../../core/connect/verify-connector.ts";
import { systemClock } from "../clock.ts";
import { failuresText, stateText } from "./connector-text.ts";
import type { ConnectSession } from "./connect-session.ts";

/** Looks until the connector is seen running, failed or idle several times in a row; tells it. */
export async function verify(session: ConnectSession): Promise<Verification> {
  const { client, name, values, waiting, signal } = session;
  const { connectVerifyTries: tries, connectVerifyInterval: intervalMs } = values;
  const verification = await verifyConnector(client, name, {
    tries,
    intervalMs,
    clock: systemClock,
    signal,
    onPoll: (attempt, status) => {
      void waiting.show(`Look ${attempt} of ${tries} at connector "${name}": ${stateText(status)}`);
    },
  });
  await waiting.clear();
  await session.say(verificationText(session, verification));
  return verification;
}

function verificationText(
  { name, values, redact }: ConnectSession,
  verification: Verification,
): string {
  switch (verification.kind) {
    case "running":
      return `Connector "${name}" runs: ${stateText(verification.status)}\n`;
    case "failed":
      return `Connector "${name}" does not run: ${stateText(verification.status)}\n` +
        failuresText(verification.status, redact.current) +
        `Repair the cause, then: cdcdelta deploy-connector --connector-name ${name} --restart\n`;
    case "idle":
      return `Connector "${name}" is ${verification.status.state}, as somebody has asked for. ` +
        `To go on: cdcdelta deploy-connector --connector-name ${name} --resume\n`;
    case "undecided":
      return `Connector "${name}" neither runs nor fails after ${values.connectVerifyTries} ` +
        `looks: ${stateText(verification.status)}. Look again with --status; the worker's log ` +
        "says more\n";
  }
}

/** A status for the JSON output, with secrets masked in its traces. */
export function shownStatus(
  { redact }: ConnectSession,
  status: ConnectorStatus | null,
): ConnectorStatus | null {
  if (status === null) return null;
  const shown = (trace: string | null): string | null =>
    trace === null ? null : redact.current.text(trace);
  return {
    ...status,
    trace: shown(status.trace),
    tasks: status.tasks.map((task) => ({ ...task, trace: shown(task.trace) })),
  };
}
