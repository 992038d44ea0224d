import { isConnectError, replyOf } from "./connect-answer.ts";
import { callHttp, type ConnectAccess } from "./connect-http.ts";
import type { ConnectProbe } from "./connect-types.ts";
import { asObject, asText } from "./json-shape.ts";

/** A probe is repeated, so it need not be patient. */
const probeTimeoutMs = 10_000;

/**
 * Asks once whether Connect is there and takes requests. `GET /` may answer before the worker has
 * joined its group, so `/health` is asked too, or the list of connectors where there is no `/health`.
 */
export async function probeConnect(
  access: ConnectAccess,
  signal: AbortSignal,
): Promise<ConnectProbe> {
  const get = async (path: string) => {
    const timeoutMs = Math.min(probeTimeoutMs, access.requestTimeoutMs);
    const answer = await callHttp(access, { method: "GET", path }, { signal, timeoutMs });
    return answer.kind === "answered" ? replyOf(answer.status, answer.text) : answer.reason;
  };
  const root = await get("/");
  if (typeof root === "string") return { kind: "away", reason: root };
  const reason = `it answered ${root.status}: ${root.message}`;
  if (root.status === 401 || root.status === 403) {
    return {
      kind: "hopeless",
      reason: `${reason}. Check KAFKA_CONNECT_USERNAME and KAFKA_CONNECT_PASSWORD`,
    };
  }
  // 404: Connect's web server takes requests a few seconds before Connect itself does.
  if (root.status >= 500 || root.status === 429 || root.status === 404) {
    return { kind: "away", reason };
  }
  const info = asObject(root.body);
  const version = asText(info?.["version"]);
  if (root.status !== 200 || version === null || info?.["kafka_cluster_id"] === undefined) {
    return {
      kind: "hopeless",
      reason: `what answers there is not Kafka Connect (${root.status}: ${root.message}). ` +
        "Check KAFKA_CONNECT_URL",
    };
  }
  const health = await get("/health");
  if (typeof health === "string") return { kind: "away", reason: health };
  if (health.status === 404 && isConnectError(health)) {
    const list = await get("/connectors");
    if (typeof list === "string") return { kind: "away", reason: list };
    if (list.status !== 200) {
      return { kind: "away", reason: `it answered ${list.status}: ${list.message}` };
    }
  } else if (health.status !== 200) {
    return { kind: "away", reason: `it is not ready: ${health.message}` };
  }
  return { kind: "ready", version, clusterId: asText(info["kafka_cluster_id"]) ?? "" };
}
