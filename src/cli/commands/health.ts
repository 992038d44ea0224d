import { healthAnswerMsMax } from "../../limits.ts";
import type { healthOptions, OptionValues } from "../command-options.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { networkReason } from "../network-reason.ts";
import { defaultHttpPort } from "../settings/operation-settings.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import type { Settings } from "../settings/settings.ts";
import type { CliWorld } from "../world.ts";

/** `cdcdelta health`: asks a run on this machine; the exit code is the answer. Never throws. */
export async function healthCommand(
  world: CliWorld,
  { values }: ResolvedSettings,
  { live, url }: OptionValues<typeof healthOptions>,
): Promise<ExitCode> {
  const page = live ? "/healthz" : "/readyz";
  const base = url ?? localUrl(values);
  // A URL that names a page means that page.
  const target = new URL(base).pathname === "/" ? new URL(page, base).href : base;
  try {
    // A health check that hangs is worth nothing: orchestrators want an answer.
    const signal = AbortSignal.timeout(healthAnswerMsMax);
    const response = await fetch(target, { signal });
    await world.stdout.write(`${(await response.text()).trim()}\n`);
    return response.ok ? exitCodes.done : exitCodes.failed;
  } catch (error) {
    await world.stderr.write(
      `cdcdelta: no answer from ${target}: ${
        networkReason(error)
      }. Is a run there, and at this port ` +
        "(--http-port, --url)?\n",
    );
    return exitCodes.failed;
  }
}

/** Where the run with the same settings listens. */
function localUrl({ httpPort, httpHost }: Settings): string {
  const port = typeof httpPort === "number" ? httpPort : defaultHttpPort;
  const anywhere = httpHost === "0.0.0.0" || httpHost === "::" || httpHost === "";
  const host = anywhere ? "127.0.0.1" : httpHost;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
