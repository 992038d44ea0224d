import type { Clock } from "../../delta/clock.ts";
import { CdcDeltaError } from "../../errors.ts";
import { connectorLooksMax } from "../../limits.ts";
import type { ConnectClient } from "./connect-client.ts";
import type { ConnectorConfig } from "./connect-types.ts";
import type { DeployPlan } from "./deploy-plan.ts";

/** A step that is about to be done, for whoever watches. */
export type DeployStep = "stopping" | "resetting-offsets" | "deleting" | "deploying";

export type DeployWorld = {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onStep?: (step: DeployStep) => void;
};

/** A task may take its time to end. */
const lookIntervalMs = 500;

/**
 * Carries a plan out; `unchanged` does nothing. Errors: `connect` when Connect refuses a step; the
 * message says what has been done by then.
 */
export async function carryOut(
  client: ConnectClient,
  name: string,
  { plan, config }: {
    readonly plan: DeployPlan;
    readonly config: ConnectorConfig;
  },
  world: DeployWorld,
): Promise<void> {
  if (plan.kind === "unchanged") return;
  if (plan.kind === "recreate") {
    if (plan.resetOffsets) await resetOffsets(client, name, world);
    await deleteConnector(client, name, world);
  }
  world.onStep?.("deploying");
  const outcome = await client.putConfig(name, config, world);
  if (outcome.kind !== "refused") return;
  const gone = plan.kind === "recreate"
    ? ` The connector "${name}" was deleted and is not there now`
    : "";
  throw new CdcDeltaError(
    "connect",
    `Cannot deploy connector "${name}": Kafka Connect refuses it: ${outcome.message}.${gone}`,
  );
}

/** Stops a connector and deletes its offsets; it is left stopped. Errors: `connect`. */
export async function resetOffsets(
  client: ConnectClient,
  name: string,
  world: DeployWorld,
): Promise<void> {
  world.onStep?.("stopping");
  const stopped = await client.stop(name, world);
  if (stopped.kind === "absent") return;
  if (stopped.kind === "refused") throw refused(`stop connector "${name}"`, stopped.message);
  await until(world, `connector "${name}" to stop`, async () => {
    const status = await client.status(name, world);
    return status !== null && status.state === "STOPPED" && status.tasks.length === 0;
  });
  world.onStep?.("resetting-offsets");
  await until(world, `the offsets of connector "${name}" to be deleted`, async () => {
    const answer = await client.resetOffsets(name, world);
    if (answer.kind !== "refused") return true;
    // Workers learn of the stop one by one.
    if (/STOPPED state/i.test(answer.message)) return false;
    throw refused(`reset the offsets of connector "${name}"`, answer.message);
  });
}

/** Deletes a connector and waits until it is gone. Errors: `connect`. */
export async function deleteConnector(
  client: ConnectClient,
  name: string,
  world: DeployWorld,
): Promise<"removed" | "absent"> {
  world.onStep?.("deleting");
  const answer = await client.remove(name, world);
  if (answer.kind === "absent") return "absent";
  if (answer.kind === "refused") throw refused(`delete connector "${name}"`, answer.message);
  await until(
    world,
    `connector "${name}" to be gone`,
    async () =>
      await client.config(name, world) === null && await client.status(name, world) === null,
  );
  return "removed";
}

async function until(
  { clock, signal }: DeployWorld,
  what: string,
  done: () => Promise<boolean>,
): Promise<void> {
  for (let look = 1; look <= connectorLooksMax; look++) {
    if (await done()) return;
    await clock.sleep(lookIntervalMs, signal);
  }
  const seconds = connectorLooksMax * lookIntervalMs / 1000;
  throw new CdcDeltaError(
    "connect",
    `Waited ${seconds} s in vain for ${what}. Look at it with --status, then run this again`,
    { retryable: true },
  );
}

function refused(what: string, message: string): CdcDeltaError {
  return new CdcDeltaError("connect", `Cannot ${what}: Kafka Connect refuses it: ${message}`);
}
