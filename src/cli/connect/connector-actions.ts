import type { ConnectorAnswer } from "../../core/connect/connect-types.ts";
import { deleteConnector, resetOffsets } from "../../core/connect/deploy-connector.ts";
import { CdcDeltaError } from "../../errors.ts";
import { systemClock } from "../clock.ts";
import { exitCodes, interruptedCode } from "../exit-codes.ts";
import { consent } from "./consent.ts";
import { connectorsText, failuresText, offsetsText, stateText } from "./connector-text.ts";
import type { DeployOptions, FlowEnd } from "./deploy-flow.ts";
import { type ConnectSession, learnSecrets } from "./connect-session.ts";
import { shownStatus, verify } from "./verify-step.ts";

/** `--status`: one connector in detail, and all of them; fails unless the one runs. */
export async function statusFlow(session: ConnectSession): Promise<FlowEnd> {
  const { client, name, signal } = session;
  const connectors = await client.connectors({ signal });
  learnSecrets(session, connectors.map(({ config }) => config));
  const found = connectors.find((each) => each.name === name) ?? null;
  const status = found?.status ?? null;
  await session.say(
    found === null
      ? `There is no connector "${name}"\n`
      : `Connector "${name}": ${stateText(status)}\n`,
  );
  if (status !== null) await session.say(failuresText(status, session.redact.current));
  await session.say(`\n${connectorsText(connectors)}`);
  const runs = status !== null && status.state === "RUNNING" && status.tasks.length > 0 &&
    status.tasks.every(({ state }) => state === "RUNNING");
  return {
    exitCode: runs ? exitCodes.done : exitCodes.failed,
    report: {
      connector: name,
      connect: client.url,
      state: found === null ? "absent" : runs ? "running" : "not-running",
      status: shownStatus(session, status),
      connectors: connectors.map((each) => ({
        name: each.name,
        status: shownStatus(session, each.status),
      })),
    },
  };
}

/** `--offsets`: where the connector is. */
export async function offsetsFlow(session: ConnectSession): Promise<FlowEnd> {
  const { client, name, signal } = session;
  const answer = await client.offsets(name, { signal });
  if (answer.kind === "absent") throw absent(session);
  if (answer.kind === "refused") throw refused(session, "read the offsets of", answer.message);
  await session.say(offsetsText(answer.offsets));
  const report = { connector: name, connect: client.url, offsets: answer.offsets };
  return { exitCode: exitCodes.done, report };
}

/** `--delete`, with `--reset-offsets` its offsets too. */
export async function deleteFlow(
  session: ConnectSession,
  options: DeployOptions,
): Promise<FlowEnd> {
  const { client, name, signal, waiting } = session;
  const config = await client.config(name, { signal });
  const facts = { connector: name, connect: client.url };
  if (config === null) {
    await session.say(`There is no connector "${name}": nothing to delete\n`);
    return { exitCode: exitCodes.done, report: { ...facts, outcome: "absent" } };
  }
  await session.say(
    options.resetOffsets
      ? "Its offsets are deleted as well: one of the same name starts with a new snapshot.\n"
      : "Its offsets stay: one of the same name and topic.prefix goes on where this one was. " +
        "--reset-offsets deletes them as well.\n",
  );
  const question = `Delete connector "${name}"?`;
  const answer = await consent(session, { question, yes: options.yes, facts });
  if (answer !== "yes") {
    await session.say("Nothing was changed\n");
    const exitCode = answer === "no" ? exitCodes.failed : interruptedCode(signal);
    return { exitCode, report: { ...facts, outcome: "declined" } };
  }
  await waiting.show("Deleting the connector…");
  const world = { clock: systemClock, signal: new AbortController().signal };
  if (options.resetOffsets) await resetOffsets(client, name, world);
  await deleteConnector(client, name, world);
  await waiting.clear();
  await session.say(`Connector "${name}" was deleted\n`);
  return { exitCode: exitCodes.done, report: { ...facts, outcome: "deleted" } };
}

/** `--restart` and `--resume`: done when it is seen running. */
export async function runAgainFlow(
  session: ConnectSession,
  verb: "restart" | "resume",
): Promise<FlowEnd> {
  const { client, name, signal } = session;
  await learnDeployed(session);
  assertDone(session, verb, await client[verb](name, { signal }));
  const verification = await verify(session);
  return {
    exitCode: verification.kind === "running" ? exitCodes.done : exitCodes.failed,
    report: {
      connector: name,
      connect: client.url,
      outcome: verb === "restart" ? "restarted" : "resumed",
      state: verification.kind,
      status: shownStatus(session, verification.status),
    },
  };
}

/** `--pause`: done when connector and tasks are paused. */
export async function pauseFlow(session: ConnectSession): Promise<FlowEnd> {
  const { client, name, signal, waiting, values } = session;
  await learnDeployed(session);
  assertDone(session, "pause", await client.pause(name, { signal }));
  let status = await client.status(name, { signal });
  for (let look = 1; look < values.connectVerifyTries; look++) {
    const states = status === null ? [] : [status.state, ...status.tasks.map((t) => t.state)];
    if (states.length > 0 && states.every((state) => state === "PAUSED")) break;
    await waiting.show(`Look ${look} at connector "${name}": ${stateText(status)}`);
    await systemClock.sleep(values.connectVerifyInterval, signal);
    status = await client.status(name, { signal });
  }
  await waiting.clear();
  const paused = status?.state === "PAUSED" &&
    status.tasks.every(({ state }) => state === "PAUSED" || state === "FAILED");
  await session.say(`Connector "${name}": ${stateText(status)}\n`);
  if (status !== null) await session.say(failuresText(status, session.redact.current));
  return {
    exitCode: paused ? exitCodes.done : exitCodes.failed,
    report: {
      connector: name,
      connect: client.url,
      outcome: "paused",
      status: shownStatus(session, status),
    },
  };
}

async function learnDeployed(session: ConnectSession): Promise<void> {
  const config = await session.client.config(session.name, session);
  if (config === null) throw absent(session);
  learnSecrets(session, [config]);
}

function assertDone(session: ConnectSession, verb: string, answer: ConnectorAnswer): void {
  switch (answer.kind) {
    case "done":
      return;
    case "absent":
      throw absent(session);
    case "refused":
      throw refused(session, verb, answer.message);
  }
}

function absent({ name, client }: ConnectSession): CdcDeltaError {
  return new CdcDeltaError(
    "not-found",
    `There is no connector "${name}" at ${client.url}. --status lists those that are there, ` +
      "--connector-name names another",
  );
}

function refused({ name }: ConnectSession, verb: string, message: string): CdcDeltaError {
  return new CdcDeltaError(
    "connect",
    `Cannot ${verb} connector "${name}": Kafka Connect refuses it: ${message}`,
  );
}
