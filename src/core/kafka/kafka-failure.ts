import { CdcDeltaError, messageOf } from "../../errors.ts";
import type { KafkaSettings } from "./kafka-settings.ts";

/** How far a connection had come when it failed. */
export type ConnectionStep =
  | "connect"
  | "api-versions"
  | "authenticate"
  | "first-request"
  | "ready";

/** What ended a connection. */
export type ConnectionEnd = { readonly code: string; readonly message: string };

/** A connection that ended by itself: the server closed it, the network failed, TLS failed. */
export function connectionLost(
  address: string,
  step: ConnectionStep,
  settings: KafkaSettings,
  end: ConnectionEnd,
): CdcDeltaError {
  const context = { address, step, cause: end.code };
  if (isTlsRefusal(end)) {
    return new CdcDeltaError(
      "kafka",
      `TLS to Kafka broker ${address} failed: ${end.message}. ${tlsAdvice(end, settings)}`,
      { context, retryable: false },
    );
  }
  return new CdcDeltaError(
    "kafka",
    `${lostWhile(step)} Kafka broker ${address} failed: ${end.message}.${hint(step, settings)}`,
    { context, retryable: true },
  );
}

function lostWhile(step: ConnectionStep): string {
  switch (step) {
    case "connect":
      return "Connecting to";
    case "api-versions":
      return "The first request to";
    case "authenticate":
      return "Authentication at";
    case "first-request":
    case "ready":
      return "The connection to";
  }
}

/** What the user may have set wrongly, where a broker just closes the connection. */
function hint(step: ConnectionStep, settings: KafkaSettings): string {
  switch (step) {
    case "connect":
      return settings.tls === null
        ? " Is it running, and are KAFKA_BOOTSTRAP_SERVERS right?"
        : " Is it running, is this port for TLS (KAFKA_SECURITY_PROTOCOL), and does the broker ask" +
          " for a client certificate (KAFKA_SSL_CERTIFICATE_LOCATION)?";
    case "api-versions":
      return settings.tls === null
        ? " Is this port for TLS? Then set KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL."
        : settings.tls.certificate === null
        ? " Does the broker ask for a client certificate (KAFKA_SSL_CERTIFICATE_LOCATION)?"
        : "";
    case "first-request":
      return settings.sasl === null
        ? " Does it ask for authentication? Then set KAFKA_SECURITY_PROTOCOL and" +
          " KAFKA_SASL_MECHANISM."
        : "";
    case "authenticate":
    case "ready":
      return "";
  }
}

function isTlsRefusal({ code, message }: ConnectionEnd): boolean {
  return /CERT|ISSUER|SELF_SIGNED|ERR_TLS|ERR_SSL|ERR_OSSL|EPROTO|HANDSHAKE/.test(code) ||
    /certificate|self.signed|alert|InvalidData|UnknownIssuer/i.test(message);
}

function tlsAdvice({ code, message }: ConnectionEnd, settings: KafkaSettings): string {
  const text = `${code} ${message}`;
  if (/ALTNAME|NotValidForName|hostname/i.test(text)) {
    return "Use a host name that the broker's certificate has.";
  }
  if (/EXPIRED|NOT_YET_VALID/i.test(text)) return "The broker's certificate must be renewed.";
  if (/alert|required|ALERT/.test(text)) {
    return settings.tls?.certificate === null
      ? "The broker asks for a client certificate: set KAFKA_SSL_CERTIFICATE_LOCATION and " +
        "KAFKA_SSL_KEY_LOCATION."
      : "The broker does not take the client certificate of KAFKA_SSL_CERTIFICATE_LOCATION.";
  }
  if (/WRONG_VERSION|EPROTO|packet/i.test(text)) {
    return "Is this port for TLS (KAFKA_SECURITY_PROTOCOL)?";
  }
  return "Set KAFKA_SSL_CA_LOCATION to the certificate authority that signed the broker's " +
    "certificate.";
}

/** A time limit passed. */
export function timedOut(doing: string, address: string, limitMs: number): CdcDeltaError {
  return new CdcDeltaError(
    "kafka",
    `Kafka broker ${address} did not answer within ${limitMs} ms (${doing}). Is it overloaded, or ` +
      `the network slow? KAFKA_REQUEST_TIMEOUT_MS sets the limit.`,
    { context: { address, doing, limitMs }, retryable: true },
  );
}

/** The broker refused the credentials or the way of authentication. */
export function authenticationFailed(
  address: string,
  mechanism: string,
  error: unknown,
): CdcDeltaError {
  const reason = messageOf(error).replace(/^SASL [\w ]+ authentication failed: /, "")
    .replace(/\.$/, "");
  return new CdcDeltaError(
    "kafka",
    `Kafka broker ${address} refused authentication with ${mechanism}: ${reason}. ` +
      authenticationAdvice(mechanism, reason),
    { context: { address, mechanism }, retryable: false, cause: error },
  );
}

function authenticationAdvice(mechanism: string, reason: string): string {
  if (/not support/i.test(reason)) {
    return "Set KAFKA_SASL_MECHANISM to one that the broker has enabled.";
  }
  if (/Illegal SASL|not valid given the current SASL state|unexpected given/i.test(reason)) {
    return "The port may be one without SASL: check KAFKA_SECURITY_PROTOCOL.";
  }
  return mechanism === "OAUTHBEARER"
    ? "Check the token (KAFKA_SASL_OAUTHBEARER_*)."
    : "Check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM.";
}

/** The client was closed while a request was under way. */
export function clientClosed(address: string): CdcDeltaError {
  return new CdcDeltaError("kafka", `The connection to Kafka broker ${address} was closed.`, {
    context: { address },
    retryable: true,
  });
}
