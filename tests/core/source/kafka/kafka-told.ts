import type { KafkaSourceEvent } from "../../../../src/core/source/kafka/kafka-source-event.ts";
import type { SourceEvent } from "../../../../src/core/source/source.ts";
import type { CdcDeltaError } from "../../../../src/errors.ts";
import type { Member } from "./kafka-harness.ts";

/** What a source told of one kind. */
export function told<K extends KafkaSourceEvent["kind"]>(
  member: Member,
  kind: K,
): Extract<KafkaSourceEvent, { kind: K }>[] {
  return member.told.filter((event): event is Extract<KafkaSourceEvent, { kind: K }> =>
    event.kind === kind
  );
}

/** What its consumer was given of one kind. */
export function taken<K extends SourceEvent["kind"]>(
  member: Member,
  kind: K,
): Extract<SourceEvent, { kind: K }>[] {
  return member.taken.filter((event): event is Extract<SourceEvent, { kind: K }> =>
    event.kind === kind
  );
}

export const idle = (member: Member): boolean =>
  member.taken.some((event) => event.kind === "idle");

/** The error that the iteration ended with. */
export function errorOf(member: Member): CdcDeltaError {
  const { outcome } = member;
  if (outcome === null || outcome === "done") throw new Error(`no error, but ${outcome}`);
  return outcome.error;
}
