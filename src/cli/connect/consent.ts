import { askConsent, type Consent } from "../consent.ts";
import type { ConnectSession } from "./connect-session.ts";

/**
 * Asks a person before something is deleted; `--yes` answers for them. Errors: `usage` where there
 * is nobody to ask.
 */
export async function consent(
  { world, signal, waiting }: ConnectSession,
  { question, yes }: { readonly question: string; readonly yes: boolean },
): Promise<Consent> {
  if (yes) return "yes";
  await waiting.clear();
  return await askConsent(world, question, signal);
}
