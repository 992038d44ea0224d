import type { ConnectorConfig } from "../../core/connect/connect-types.ts";
import {
  type DeliveryGuarantee,
  deliveryGuarantee,
} from "../../core/connect/delivery-guarantee.ts";
import { carryOut, type DeployStep } from "../../core/connect/deploy-connector.ts";
import {
  changeNotes,
  type Deployed,
  type DeployPlan,
  planDeploy,
} from "../../core/connect/deploy-plan.ts";
import { type ConfigChange, hasOffsetsFor } from "../../core/connect/connector-diff.ts";
import { configValue } from "../../core/connect/connector-config.ts";
import { systemClock } from "../clock.ts";
import type { deployConnectorOptions, OptionValues } from "../command-options.ts";
import { type ExitCode, exitCodes, interruptedCode } from "../exit-codes.ts";
import { counted } from "../output/counted.ts";
import { consent } from "./consent.ts";
import { changeText, connectorsText, findingText, guaranteeText } from "./connector-text.ts";
import { runChecks, seeToTopics } from "./deploy-checks.ts";
import { type ConnectSession, learnSecrets } from "./connect-session.ts";
import { shownStatus, verify } from "./verify-step.ts";

export type DeployOptions = OptionValues<typeof deployConnectorOptions>;

/** How a use of deploy-connector ended; `report` is its JSON. */
export type FlowEnd = { readonly exitCode: ExitCode; readonly report: object };

type Parts = {
  readonly session: ConnectSession;
  readonly config: ConnectorConfig;
  readonly options: DeployOptions;
};

const stepTexts: Readonly<Record<DeployStep, string>> = {
  stopping: "Stopping the connector…",
  "resetting-offsets": "Deleting its offsets…",
  deleting: "Deleting the connector…",
  deploying: "Deploying…",
};

/** Checks, compares, asks where something is deleted, deploys, and sees the connector run. */
export async function deployFlow(parts: Parts): Promise<FlowEnd> {
  const { session, config, options } = parts;
  const { client, name, signal } = session;
  const deployed = await client.config(name, { signal });
  learnSecrets(session, deployed === null ? [config] : [config, deployed]);
  const checks = await runChecks(session, { config, deployed });
  const problems = checks.findings.filter(({ state }) => state === "problem").length;
  const plan = planDeploy(await withOffsets(session, deployed), config, options);
  const guarantee = deliveryGuarantee(config, checks);
  const facts = {
    connector: name,
    connect: client.url,
    findings: checks.findings,
    plan: shownPlan(session, plan),
    guarantee,
  };
  await tellPlan(session, plan, guarantee);
  if (problems > 0) {
    await session.say(`Nothing was deployed: ${counted(problems, "problem")} above\n`);
    return { exitCode: exitCodes.failed, report: { ...facts, outcome: "refused" } };
  }
  if (options.dryRun) {
    await session.say("Nothing was deployed (--dry-run)\n");
    return { exitCode: exitCodes.done, report: { ...facts, outcome: "dry-run" } };
  }
  if (plan.kind === "recreate") {
    const question = `Delete connector "${name}" and make it anew?`;
    const answer = await consent(session, { question, yes: options.yes, facts });
    if (answer !== "yes") return await declined(session, facts, answer);
  }
  await execute(session, plan, config);
  const resumed = plan.kind === "create" && await tellResumed(session, config);
  const verification = await verify(session);
  const connectors = await client.connectors({ signal });
  await session.say(`\n${connectorsText(connectors)}`);
  return {
    exitCode: verification.kind === "running" ? exitCodes.done : exitCodes.failed,
    report: {
      ...facts,
      outcome: outcomes[plan.kind],
      resumed,
      state: verification.kind,
      status: shownStatus(session, verification.status),
      connectors: connectors.map((each) => ({
        name: each.name,
        status: shownStatus(session, each.status),
      })),
    },
  };
}

async function withOffsets(
  { client, name, signal }: ConnectSession,
  config: ConnectorConfig | null,
): Promise<Deployed | null> {
  if (config === null) return null;
  const answer = await client.offsets(name, { signal });
  return { config, offsets: answer.kind === "offsets" ? answer.offsets : [] };
}

const outcomes: Readonly<Record<DeployPlan["kind"], string>> = {
  create: "created",
  unchanged: "unchanged",
  update: "updated",
  recreate: "recreated",
};

async function declined(
  session: ConnectSession,
  facts: object,
  answer: "no" | "interrupted",
): Promise<FlowEnd> {
  await session.say("Nothing was changed\n");
  const exitCode = answer === "no" ? exitCodes.failed : interruptedCode(session.signal);
  return { exitCode, report: { ...facts, outcome: "declined" } };
}

/** A connector must not be left half deleted, so a signal is heard only when this is over. */
async function execute(
  session: ConnectSession,
  plan: DeployPlan,
  config: ConnectorConfig,
): Promise<void> {
  const { client, name, waiting } = session;
  // Checked before, so what has changed since then are the ones that were missing.
  for (const finding of await seeToTopics(session, config, { create: true })) {
    if (finding.state === "problem") await session.say(findingText(finding));
  }
  session.signal.throwIfAborted();
  await carryOut(client, name, { plan, config }, {
    clock: systemClock,
    signal: new AbortController().signal,
    onStep: (step) => void waiting.show(stepTexts[step]),
  });
  await waiting.clear();
  const done = {
    create: `Connector "${name}" was created\n`,
    unchanged: "",
    update: `Connector "${name}" was updated\n`,
    recreate: `Connector "${name}" was deleted and made anew\n`,
  };
  await session.say(done[plan.kind]);
}

/** A connector that is new may find the offsets of an earlier one; only now Connect tells them. */
async function tellResumed(session: ConnectSession, config: ConnectorConfig): Promise<boolean> {
  const answer = await session.client.offsets(session.name, session);
  const prefix = configValue(config, "topic.prefix");
  if (answer.kind !== "offsets" || !hasOffsetsFor(answer.offsets, prefix)) return false;
  await session.say(
    "It goes on where an earlier connector of this name was, without a new snapshot. " +
      "--reset-offsets makes it anew from the start\n",
  );
  return true;
}

async function tellPlan(
  session: ConnectSession,
  plan: DeployPlan,
  guarantee: DeliveryGuarantee,
): Promise<void> {
  const { name } = session;
  await session.say(`\n${guaranteeText(guarantee)}\n`);
  if (plan.kind === "unchanged") {
    await session.say(`Connector "${name}" is deployed as it should be: no changes\n`);
    return;
  }
  const heads = {
    create: `Connector "${name}" is new:\n`,
    update: `Connector "${name}" changes:\n`,
    recreate: `Connector "${name}" has to be deleted and made anew${
      plan.kind === "recreate" ? ` (${plan.reason})` : ""
    }:\n`,
  };
  await session.say(heads[plan.kind]);
  for (const change of plan.changes) await session.say(changeText(change, session.redact.current));
  if (plan.kind === "recreate") await session.say(`${plan.offsets}\n`);
  if (plan.kind === "update") {
    for (const note of changeNotes(plan.changes)) await session.say(`Note: ${note}\n`);
  }
}

function shownPlan({ redact }: ConnectSession, plan: DeployPlan): object {
  if (plan.kind === "unchanged") return plan;
  const shown = (change: ConfigChange): object => {
    const text = (value: string): string => redact.current.value(change.key, value);
    switch (change.kind) {
      case "added":
        return { ...change, after: text(change.after) };
      case "removed":
        return { ...change, before: text(change.before) };
      case "changed":
        return { ...change, before: text(change.before), after: text(change.after) };
    }
  };
  return { ...plan, changes: plan.changes.map(shown) };
}
