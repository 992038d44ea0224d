import type { ConnectorConfig } from "../../core/connect/connect-types.ts";
import { plainRedactor } from "../../core/connect/connector-secrets.ts";
import { CdcDeltaError, messageOf } from "../../errors.ts";
import {
  deleteFlow,
  offsetsFlow,
  pauseFlow,
  runAgainFlow,
  statusFlow,
} from "../connect/connector-actions.ts";
import {
  type ConnectorFile,
  readConnectorFile,
  shippedConnector,
} from "../connect/connector-file.ts";
import { deployFlow, type DeployOptions, type FlowEnd } from "../connect/deploy-flow.ts";
import { type ConnectSession, learnSecrets } from "../connect/connect-session.ts";
import { connectReady } from "../connect/wait-for-connect.ts";
import { waitingLine } from "../connect/waiting-line.ts";
import { connectClientOf } from "../connect-access.ts";
import { exitCodes, interruptedCode } from "../exit-codes.ts";
import { jsonText } from "../output/json-text.ts";
import { formatProblems, type Problem } from "../settings/problem.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import type { Settings } from "../settings/settings.ts";
import type { CliWorld, SignalName } from "../world.ts";

/** `cdcdelta deploy-connector`. Errors: `connect`, `permission`, `not-found`, `usage`. */
export async function deployConnectorCommand(
  world: CliWorld,
  { values }: ResolvedSettings,
  path: string | null,
  options: DeployOptions,
): Promise<number> {
  const deploys = !["delete", "restart", "pause", "resume", "status", "offsets"]
    .some((key) => options[key as keyof DeployOptions] === true);
  const file = connectorFile(world, values, path);
  const name = values.connectorName ?? file.name;
  const problems = fileProblems(file, { name, deploys });
  if (problems.length > 0 || name === null) {
    await world.stderr.write(formatProblems(problems));
    return exitCodes.usage;
  }
  const stop = new AbortController();
  const release = world.onSignal(onSignals(world, stop));
  const session = openSession(world, values, {
    name,
    signal: stop.signal,
    json: options.format === "json",
  });
  learnSecrets(session, [file.config]);
  try {
    const version = await connectReady(session);
    await session.say(`${"ok".padEnd(9)}Kafka Connect ${version} at ${session.client.url}\n`);
    const { exitCode, report } = await flowOf(session, file.config, options);
    if (options.format === "json") await world.stdout.write(`${jsonText(report)}\n`);
    return exitCode;
  } catch (error) {
    await session.waiting.clear();
    if (!stop.signal.aborted) throw withoutSecrets(error, session);
    await world.stderr.write(
      "cdcdelta: interrupted; what was deployed by now stays, see --status\n",
    );
    return interruptedCode(stop.signal);
  } finally {
    release();
  }
}

function flowOf(
  session: ConnectSession,
  config: ConnectorConfig,
  options: DeployOptions,
): Promise<FlowEnd> {
  if (options.status) return statusFlow(session);
  if (options.offsets) return offsetsFlow(session);
  if (options.delete) return deleteFlow(session, options);
  if (options.restart) return runAgainFlow(session, "restart");
  if (options.resume) return runAgainFlow(session, "resume");
  if (options.pause) return pauseFlow(session);
  return deployFlow({ session, config, options });
}

/** Settings stand in for the variables of the same meaning that are not set. */
function connectorFile(world: CliWorld, values: Settings, path: string | null): ConnectorFile {
  const given: Record<string, string> = {};
  if (values.kafkaBootstrapServers !== null) {
    given["KAFKA_BOOTSTRAP_SERVERS"] = values.kafkaBootstrapServers;
  }
  const env = { ...given, ...world.env };
  if (values.connectorName !== null) env["CONNECTOR_NAME"] = values.connectorName;
  const file = path === null ? shippedConnector(env) : readConnectorFile(path, env);
  const { name: _name, ...config } = file.config;
  return { ...file, config };
}

/** Whoever only looks at a connector needs its name and nothing else. */
function fileProblems(
  file: ConnectorFile,
  { name, deploys }: { readonly name: string | null; readonly deploys: boolean },
): readonly Problem[] {
  const nameless: Problem[] = name !== null ? [] : [{
    place: "connector name",
    message: "is missing",
    fix: 'write "name" into the connector\'s file, or --connector-name',
  }];
  if (deploys) return file.problems.length > 0 ? file.problems : nameless;
  return name === null ? [...file.problems, ...nameless] : [];
}

function openSession(
  world: CliWorld,
  values: Settings,
  { name, signal, json }: Pick<ConnectSession, "name" | "signal" | "json">,
): ConnectSession {
  const waiting = waitingLine(world.stderr);
  const redact = { current: plainRedactor };
  const client = connectClientOf(values, ({ what, reason, attempt, delayMs }) => {
    const seconds = (delayMs / 1000).toFixed(1);
    const text = `Trying again to ${what} in ${seconds} s (try ${attempt}): ${reason}`;
    void waiting.show(redact.current.text(text));
  });
  return {
    world,
    values,
    client,
    waiting,
    name,
    signal,
    json,
    async say(text) {
      if (json) return;
      await waiting.clear();
      await world.stdout.write(text);
    },
    redact,
  };
}

/** The first signal ends waiting, once nothing is half done; the second one ends the process. */
function onSignals(world: CliWorld, stop: AbortController): (signal: SignalName) => void {
  return (signal) => {
    if (stop.signal.aborted) {
      world.exit(signal === "SIGINT" ? exitCodes.interrupted : exitCodes.terminated);
      return;
    }
    stop.abort(signal);
  };
}

/** What Connect says may quote the configuration. */
function withoutSecrets(error: unknown, { redact }: ConnectSession): unknown {
  if (!(error instanceof CdcDeltaError)) return error;
  const message = redact.current.text(messageOf(error));
  if (message === error.message) return error;
  const { context, retryable } = error;
  return new CdcDeltaError(error.code, message, { context, retryable });
}
