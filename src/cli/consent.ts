import { CdcDeltaError } from "../errors.ts";
import type { CliWorld } from "./world.ts";

/** The answer to a question whether to go on. */
export type Consent = "yes" | "no" | "interrupted";

/** Asks a person yes or no. Errors: `usage` where there is nobody to ask. */
export async function askConsent(
  world: CliWorld,
  question: string,
  signal: AbortSignal,
): Promise<Consent> {
  if (world.ask === null) {
    throw new CdcDeltaError(
      "usage",
      `${question} There is no terminal to ask on: run it again with --yes. Nothing was changed`,
    );
  }
  for (let tries = 0; tries < 3; tries++) {
    const answer = await world.ask(`${question} [y/N] `, signal);
    if (answer === null) return "interrupted";
    if (/^\s*(y|yes)\s*$/i.test(answer)) return "yes";
    if (/^\s*(n|no)?\s*$/i.test(answer)) return "no";
    await world.stderr.write("Please answer yes or no.\n");
  }
  return "no";
}
