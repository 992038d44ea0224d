import { CdcDeltaError } from "../../errors.ts";
import type { ClusterView } from "./cluster-view.ts";
import { isRetriable } from "./error-names.ts";
import {
  describeGroupRequest,
  findCoordinatorRequest,
  heartbeatRequest,
  joinGroupRequest,
  leaveGroupRequest,
  syncGroupRequest,
} from "./group-requests.ts";
import type { CallOptions, GroupAnswer, GroupClient } from "./kafka-client.ts";
import type { KafkaRequest } from "./kafka-request.ts";
import { offsetCommitRequest, offsetFetchRequest } from "./offset-requests.ts";

/** Requests to the coordinator of one group, over a connection of its own. */
export function groupClient(groupId: string, cluster: ClusterView): GroupClient {
  let coordinator: string | null = null;
  let rebalanceTimeoutMs = 0;

  async function find(options: CallOptions): Promise<string> {
    const { error, errorMessage, address } = await cluster.askAny(
      findCoordinatorRequest(groupId),
      options,
    );
    if (error === null) return address;
    throw new CdcDeltaError(
      "kafka",
      `The coordinator of consumer group ${groupId} cannot be found: ${error}` +
        `${errorMessage === null || errorMessage === "" ? "" : ` (${errorMessage})`}. ` +
        (error === "GROUP_AUTHORIZATION_FAILED"
          ? `Allow Read on the group (an ACL), or choose another one (KAFKA_CONSUMER_GROUP).`
          : `Brokers that start or elect leaders need a moment.`),
      { context: { groupId, error }, retryable: isRetriable(error) },
    );
  }

  async function ask<A>(
    request: KafkaRequest<A>,
    errorsOf: (answer: A) => readonly GroupAnswer[],
    options: CallOptions,
  ): Promise<A> {
    const address = coordinator ?? await find(options);
    coordinator = address;
    try {
      const answer = await cluster.link("group", address).send(request, options);
      if (errorsOf(answer).some(({ error }) => hasMoved(error))) coordinator = null;
      return answer;
    } catch (error) {
      if (!options.signal.aborted) coordinator = null;
      throw error;
    }
  }

  const one = (answer: GroupAnswer) => [answer];

  return {
    describe: (options) => ask(describeGroupRequest(groupId), one, options),
    join(request, options) {
      rebalanceTimeoutMs = request.rebalanceTimeoutMs;
      return ask(joinGroupRequest(groupId, request), one, options);
    },
    sync: (request, options) =>
      ask(syncGroupRequest(groupId, request, rebalanceTimeoutMs), one, options),
    heartbeat: (member, options) => ask(heartbeatRequest(groupId, member), one, options),
    leave: (memberId, options) => ask(leaveGroupRequest(groupId, memberId), one, options),
    fetchOffsets: (partitions, options) =>
      ask(offsetFetchRequest(groupId, partitions), (answer) => answer, options),
    commitOffsets: (member, offsets, options) =>
      ask(offsetCommitRequest(groupId, member, offsets), (answer) => answer, options),
  };
}

function hasMoved(error: string | null): boolean {
  return error === "NOT_COORDINATOR" || error === "COORDINATOR_NOT_AVAILABLE";
}
