import { plainRedactor, type Redactor, redactor } from "../../core/connect/connector-secrets.ts";
import type { ConnectClient } from "../../core/connect/connect-client.ts";
import type { ConnectorConfig } from "../../core/connect/connect-types.ts";
import type { Settings } from "../settings/settings.ts";
import type { CliWorld } from "../world.ts";
import type { WaitingLine } from "./waiting-line.ts";

/** What every way of using deploy-connector works with. */
export type ConnectSession = {
  readonly world: CliWorld;
  readonly values: Settings;
  readonly client: ConnectClient;
  readonly waiting: WaitingLine;
  /** The connector that is meant. */
  readonly name: string;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** True: one object in the end, instead of text as it comes. */
  readonly json: boolean;
  /** Text for people, on standard output; dropped with `json`. */
  say(text: string): Promise<void>;
  /** Masks what is known to be secret by now. */
  readonly redact: { current: Redactor };
};

/** Teaches the session's redactor the secrets of further configurations. */
export function learnSecrets(
  session: ConnectSession,
  configs: readonly ConnectorConfig[],
  passwordKeys: readonly string[] = [],
): void {
  session.redact.current = configs.length === 0 ? plainRedactor : redactor(configs, passwordKeys);
}
