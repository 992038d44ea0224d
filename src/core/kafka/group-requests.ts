import { errorName } from "./error-names.ts";
import type {
  GroupAnswer,
  GroupDescription,
  GroupMember,
  JoinAnswer,
  JoinRequest,
  KafkaErrorName,
  SyncAnswer,
  SyncRequest,
} from "./kafka-client.ts";
import type { KafkaRequest } from "./kafka-request.ts";
import { addressOf } from "./metadata-request.ts";

export type FindCoordinatorAnswer = {
  readonly error: KafkaErrorName | null;
  readonly errorMessage: string | null;
  readonly address: string;
};

/** Which broker coordinates a consumer group; any broker knows. */
export function findCoordinatorRequest(groupId: string): KafkaRequest<FindCoordinatorAnswer> {
  return {
    ...classic("FindCoordinator", 10, 1, 2),
    encode(writer) {
      writer.string(groupId);
      writer.int8(0);
    },
    decode(reader) {
      reader.throttle();
      const error = errorName(reader.int16());
      const errorMessage = reader.nullableString();
      reader.int32();
      return { error, errorMessage, address: addressOf(reader.string(), reader.int32()) };
    },
  };
}

/** The coordinator answers when all members have joined, or after the rebalance timeout. */
export function joinGroupRequest(
  groupId: string,
  request: JoinRequest,
): KafkaRequest<JoinAnswer> {
  return {
    ...classic("JoinGroup", 11, 2, 5),
    waitMsMax: Math.max(request.rebalanceTimeoutMs, request.sessionTimeoutMs),
    encode(writer, version) {
      writer.string(groupId);
      writer.int32(request.sessionTimeoutMs);
      writer.int32(request.rebalanceTimeoutMs);
      writer.string(request.memberId);
      if (version >= 5) writer.string(null);
      writer.string("consumer");
      writer.array([request], ({ protocol, metadata }) => {
        writer.string(protocol);
        writer.bytes(metadata);
      });
    },
    decode(reader, version) {
      reader.throttle();
      const error = errorName(reader.int16());
      const generationId = reader.int32();
      reader.nullableString();
      const leaderId = reader.string();
      const memberId = reader.string();
      const members = reader.array(() => {
        const id = reader.string();
        if (version >= 5) reader.nullableString();
        return { memberId: id, metadata: reader.bytes() };
      });
      return { error, memberId, generationId, leaderId, members };
    },
  };
}

/** The coordinator answers when the leader has sent the assignments. */
export function syncGroupRequest(
  groupId: string,
  request: SyncRequest,
  waitMsMax: number,
): KafkaRequest<SyncAnswer> {
  return {
    ...classic("SyncGroup", 14, 1, 3),
    waitMsMax,
    encode(writer, version) {
      writer.string(groupId);
      writer.int32(request.generationId);
      writer.string(request.memberId);
      if (version >= 3) writer.string(null);
      writer.array(request.assignments, ({ memberId, assignment }) => {
        writer.string(memberId);
        writer.bytes(assignment);
      });
    },
    decode(reader) {
      reader.throttle();
      return { error: errorName(reader.int16()), assignment: reader.bytes() };
    },
  };
}

/** Says that a member is alive; the answer tells when a rebalance is under way. */
export function heartbeatRequest(
  groupId: string,
  member: GroupMember,
): KafkaRequest<GroupAnswer> {
  return {
    ...classic("Heartbeat", 12, 1, 3),
    encode(writer, version) {
      writer.string(groupId);
      writer.int32(member.generationId);
      writer.string(member.memberId);
      if (version >= 3) writer.string(null);
    },
    decode(reader) {
      reader.throttle();
      return { error: errorName(reader.int16()) };
    },
  };
}

/** Takes one member out of its group. */
export function leaveGroupRequest(groupId: string, memberId: string): KafkaRequest<GroupAnswer> {
  return {
    ...classic("LeaveGroup", 13, 1, 3),
    encode(writer, version) {
      writer.string(groupId);
      if (version < 3) {
        writer.string(memberId);
        return;
      }
      writer.array([memberId], (id) => {
        writer.string(id);
        writer.string(null);
      });
    },
    decode(reader, version) {
      reader.throttle();
      const error = errorName(reader.int16());
      if (version < 3) return { error };
      const members = reader.array(() => {
        reader.string();
        reader.nullableString();
        return errorName(reader.int16());
      });
      return { error: error ?? members.find((member) => member !== null) ?? null };
    },
  };
}

/** State and members of a group. */
export function describeGroupRequest(groupId: string): KafkaRequest<GroupDescription> {
  return {
    ...classic("DescribeGroups", 15, 1, 2),
    encode(writer) {
      writer.array([groupId], writer.string);
    },
    decode(reader) {
      reader.throttle();
      const groups = reader.array(() => {
        const error = errorName(reader.int16());
        reader.string();
        const state = reader.string();
        reader.string();
        reader.string();
        const members = reader.array(() => {
          reader.string();
          const client = reader.string();
          const host = reader.string();
          reader.bytes();
          reader.bytes();
          return `${client} at ${host}`;
        });
        return { error, state, members: members.length, clients: members };
      });
      return groups[0] ?? { error: "GROUP_ID_NOT_FOUND", state: "", members: 0, clients: [] };
    },
  };
}

/** What all of these have in common. */
function classic(name: string, apiKey: number, versionMin: number, versionMax: number) {
  return { name, apiKey, versionMin, versionMax, flexibleFrom: null, waitMsMax: 0 };
}
