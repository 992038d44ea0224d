import { createPrivateKey, X509Certificate } from "node:crypto";
import { CdcDeltaError, messageOf } from "../../errors.ts";
import type { KafkaTls } from "./kafka-settings.ts";

/**
 * Checks certificates and key before they are used: what is wrong with them shows late otherwise,
 * and then as a connection that ends. Errors: `usage`, with the setting to change.
 */
export function checkTls({ ca, certificate, key, keyPassphrase }: KafkaTls): void {
  if (ca !== null) certificateOf(ca, "KAFKA_SSL_CA_LOCATION");
  if ((certificate === null) !== (key === null)) {
    throw new CdcDeltaError(
      "usage",
      "A client certificate and its key go together: set both KAFKA_SSL_CERTIFICATE_LOCATION and " +
        "KAFKA_SSL_KEY_LOCATION, or neither.",
    );
  }
  if (certificate === null || key === null) return;
  const own = certificateOf(certificate, "KAFKA_SSL_CERTIFICATE_LOCATION");
  if (!own.checkPrivateKey(privateKeyOf(key, keyPassphrase))) {
    throw new CdcDeltaError(
      "usage",
      "The key of KAFKA_SSL_KEY_LOCATION does not belong to the certificate of " +
        "KAFKA_SSL_CERTIFICATE_LOCATION.",
    );
  }
}

/** The first certificate of a PEM text. */
function certificateOf(pem: string, setting: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new CdcDeltaError(
      "usage",
      `The file of ${setting} has no certificate in PEM form: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}

function privateKeyOf(key: string, keyPassphrase: string | null) {
  const passphrase = keyPassphrase === null ? {} : { passphrase: keyPassphrase };
  try {
    return createPrivateKey({ key, format: "pem", ...passphrase });
  } catch (error) {
    const advice = keyPassphrase === null
      ? "If it is encrypted, set KAFKA_SSL_KEY_PASSWORD."
      : "Is KAFKA_SSL_KEY_PASSWORD right?";
    throw new CdcDeltaError(
      "usage",
      `The private key of KAFKA_SSL_KEY_LOCATION cannot be read: ${messageOf(error)}. ${advice}`,
      { cause: error },
    );
  }
}
