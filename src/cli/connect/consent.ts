import { askConsent, type Consent } from "../consent.ts";
import { jsonText } from "../output/json-text.ts";
import type { ConnectSession } from "./connect-session.ts";

/**
 * Asks a person before something is deleted; `--yes` answers for them. Errors: `usage` where there
 * is nobody to ask; with `--json` what is known by then and what it would need was written before.
 */
export async function consent(
  { world, signal, waiting, json }: ConnectSession,
  { question, yes, facts }: {
    readonly question: string;
    readonly yes: boolean;
    readonly facts: object;
  },
): Promise<Consent> {
  if (yes) return "yes";
  await waiting.clear();
  if (json && world.ask === null) {
    const report = { ...facts, outcome: "consent-needed", question, needs: "--yes" };
    await world.stdout.write(`${jsonText(report)}\n`);
  }
  return await askConsent(world, question, signal);
}
