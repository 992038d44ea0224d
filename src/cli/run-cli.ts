import { readFileSync } from "node:fs";
import { configText } from "./commands/config.ts";
import { deployConnectorOptions, healthOptions, optionsOf, runOptions } from "./command-options.ts";
import { inspectOptions } from "./inspect/inspect-options.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { type Invocation, parseArgv } from "./parse-argv.ts";
import { certain, requirements } from "./requirements.ts";
import { replayOptions } from "./replay/replay-options.ts";
import type { ConfigFile } from "./settings/config-file.ts";
import { deriveSettings } from "./settings/derive-settings.ts";
import { formatProblems, misspeltVariables, type Problem } from "./settings/problem.ts";
import { type ResolvedSettings, resolveSettings } from "./settings/resolve-settings.ts";
import { systemFacts } from "./system.ts";
import { snapshotOptions } from "./snapshot/snapshot-options.ts";
import {
  checkpointOptions,
  optimizeOptions,
  restoreOptions,
  vacuumOptions,
} from "./tables/table-options.ts";
import type { CliWorld } from "./world.ts";

type CommandInvocation = Extract<Invocation, { kind: "command" }>;

/** Runs one command line to its end and tells the exit code; never throws. */
export async function runCli(world: CliWorld): Promise<number> {
  try {
    return await runInvocation(world, parseArgv(world.argv));
  } catch (error) {
    // Nothing a user can write leads here; still nobody should see a stack trace for it.
    await world.stderr.write(`${failureText(error, false)}\n`);
    return exitCodes.failed;
  }
}

async function runInvocation(world: CliWorld, invocation: Invocation): Promise<number> {
  switch (invocation.kind) {
    case "text":
      await world.stdout.write(invocation.text);
      return exitCodes.done;
    case "unusable":
      await world.stderr.write(formatProblems(invocation.problems));
      return exitCodes.usage;
    case "command":
      return await runCommand(world, invocation);
  }
}

async function runCommand(world: CliWorld, invocation: CommandInvocation): Promise<number> {
  const { configPath, resolved, problems } = await configuration(world, invocation);
  if (problems.length > 0) {
    await world.stderr.write(formatProblems(problems));
    return exitCodes.usage;
  }
  for (const warning of misspeltVariables(world.env)) {
    await world.stderr.write(`cdcdelta: warning: ${warning}\n`);
  }
  try {
    return await dispatch(world, invocation, { configPath, resolved });
  } catch (error) {
    const debug = resolved.values.logLevel === "debug";
    await world.stderr.write(`${failureText(error, debug)}\n`);
    return exitCodeOf(error);
  }
}

async function dispatch(
  world: CliWorld,
  { parsed, argument, words, options }: CommandInvocation,
  { configPath, resolved }: { configPath: string | null; resolved: ResolvedSettings },
): Promise<number> {
  switch (parsed.name) {
    case "config": {
      const format = options["format"] === "json" ? "json" : "table";
      await world.stdout.write(configText(resolved, { format, configFile: configPath }));
      return exitCodes.done;
    }
    case "inspect": {
      // Loaded on demand: what reads tables and talks to S3 takes longer to load than --help.
      const { inspectCommand } = await import("./commands/inspect.ts");
      return await inspectCommand(
        world,
        resolved,
        argument ?? "",
        optionsOf(inspectOptions, options),
      );
    }
    case "optimize": {
      const { optimizeCommand } = await import("./commands/optimize.ts");
      return await optimizeCommand(world, resolved, words, optionsOf(optimizeOptions, options));
    }
    case "vacuum": {
      const { vacuumCommand } = await import("./commands/vacuum.ts");
      return await vacuumCommand(world, resolved, words, optionsOf(vacuumOptions, options));
    }
    case "restore": {
      const { restoreCommand } = await import("./commands/restore.ts");
      const flags = optionsOf(restoreOptions, options);
      return await restoreCommand(world, resolved, argument ?? "", flags);
    }
    case "replay": {
      const { replayCommand } = await import("./commands/replay.ts");
      return await replayCommand(world, resolved, optionsOf(replayOptions, options));
    }
    case "checkpoint": {
      const { checkpointCommand } = await import("./commands/checkpoint.ts");
      return await checkpointCommand(world, resolved, words, optionsOf(checkpointOptions, options));
    }
    case "deploy-connector": {
      const { deployConnectorCommand } = await import("./commands/deploy-connector.ts");
      const flags = optionsOf(deployConnectorOptions, options);
      return await deployConnectorCommand(world, resolved, argument, flags);
    }
    case "snapshot": {
      const { snapshotCommand } = await import("./commands/snapshot.ts");
      return await snapshotCommand(world, resolved, words, optionsOf(snapshotOptions, options));
    }
    case "health": {
      const { healthCommand } = await import("./commands/health.ts");
      return await healthCommand(world, resolved, optionsOf(healthOptions, options));
    }
    case "run": {
      const { runCommand: run } = await import("./commands/run.ts");
      return await run(world, resolved, optionsOf(runOptions, options));
    }
  }
}

/** Everything that is known before anything is started, and everything wrong with it. */
async function configuration(
  world: CliWorld,
  { parsed, words, options, problems }: CommandInvocation,
): Promise<{
  readonly configPath: string | null;
  readonly resolved: ResolvedSettings;
  readonly problems: readonly Problem[];
}> {
  const { env } = world;
  const fromEnv = env["CDCDELTA_CONFIG"];
  const flag = options["config"];
  const configPath = typeof flag === "string" ? flag : fromEnv === "" ? null : fromEnv ?? null;
  const file = configPath === null ? null : await configFile(configPath, env);
  const laid = resolveSettings({
    flags: parsed.settings,
    env,
    file,
    readSecret: (path) => readFileSync(path, "utf8"),
  });
  const derived = deriveSettings(laid.resolved, systemFacts());
  return {
    configPath,
    resolved: derived.resolved,
    problems: [
      ...problems,
      ...laid.problems,
      ...derived.problems,
      ...certain(
        parsed.name,
        problems,
        requirements(parsed.name, derived.resolved, options, words),
      ),
    ],
  };
}

/** Loaded on demand: a YAML parser takes longer to load than the rest of a small command. */
async function configFile(path: string, env: CliWorld["env"]): Promise<ConfigFile> {
  const { readConfigFile } = await import("./settings/config-file.ts");
  return readConfigFile(path, env);
}

/** One clear line; with `debug` the stack and the causes as well. */
function failureText(error: unknown, debug: boolean): string {
  const text = error instanceof Error ? error.message : String(error);
  const lines = [`cdcdelta: ${text}`];
  if (debug && error instanceof Error) {
    lines.push(error.stack ?? "");
    for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
      lines.push(`caused by: ${cause.stack ?? cause.message}`);
    }
  }
  return lines.join("\n");
}
