import type { ConnectorConfig } from "./connect-types.ts";
import { isConfigReference } from "./connector-config.ts";

/** What stands in place of a secret. */
export const secretMask = "********";

/** Keys whose values nobody should see, beside those that Connect calls PASSWORD. */
const secretKey =
  /passw|passphrase|secret|credential|jaas|token(?!izer)|private.?key|api.?key|basic\.auth|user\.info/i;

/** Shorter texts are masked by key only: as parts of other words they would garble everything. */
const valueLengthMin = 4;

/** Keeps the secrets of connector configurations out of everything that is printed. */
export type Redactor = {
  isSecret(key: string): boolean;
  /** The value as it may be shown. */
  value(key: string, value: string): string;
  /** Any text (messages, traces) with every known secret masked. */
  text(text: string): string;
};

/**
 * Knows the secrets of some configurations (the wanted and the deployed one): by key, and by value
 * wherever it appears. References such as `${file:…}` are no secrets: Connect resolves them. Pure.
 */
export function redactor(
  configs: readonly ConnectorConfig[],
  passwordKeys: readonly string[] = [],
): Redactor {
  const marked = new Set(passwordKeys);
  const isSecret = (key: string): boolean => marked.has(key) || secretKey.test(key);
  const values = new Set<string>();
  for (const [key, value] of configs.flatMap((config) => Object.entries(config))) {
    if (isConfigReference(value)) continue;
    if (isSecret(key)) values.add(value);
    for (const part of embeddedSecrets(value)) values.add(part);
  }
  // Longest first: a secret may be a part of another one.
  const known = [...values].filter((value) => value.length >= valueLengthMin)
    .toSorted((a, b) => b.length - a.length);
  const text = (input: string): string => {
    const masked = known.reduce((rest, secret) => rest.replaceAll(secret, secretMask), input);
    return maskEmbedded(masked);
  };
  return {
    isSecret,
    value: (key, value) =>
      isSecret(key) && value !== "" && !isConfigReference(value) ? secretMask : text(value),
    text,
  };
}

/** A redactor that knows no configuration yet: masks passwords in URIs and JAAS texts only. */
export const plainRedactor: Redactor = redactor([]);

// The last @ before the path ends the credentials: a password may hold one that nobody encoded.
const uriCredentials = /([a-z][a-z0-9+.-]*:\/\/)([^\s/?#,:@]*):([^\s/?#]*)@/gi;
const jaasPassword =
  /(\b(?:password|secret|token|clientSecret)\s*=\s*)("[^"]*"|'[^']*'|[^\s;"']+)/gi;

function maskEmbedded(text: string): string {
  return text.replace(uriCredentials, `$1$2:${secretMask}@`)
    .replace(jaasPassword, `$1"${secretMask}"`);
}

/** Passwords inside a value: in a URI, plain and decoded, and in a JAAS configuration. */
function embeddedSecrets(value: string): string[] {
  const inUris = [...value.matchAll(uriCredentials)].flatMap(([, , , password = ""]) => [
    password,
    decoded(password),
  ]);
  const inJaas = [...value.matchAll(jaasPassword)].map(([, , quoted = ""]) =>
    quoted.replace(/^["']|["']$/g, "")
  );
  return [...inUris, ...inJaas].filter((each) => each !== "" && each !== secretMask);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
