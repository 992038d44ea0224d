import { CdcDeltaError } from "../../../errors.ts";
import type { DataLoss } from "./kafka-source-event.ts";

/** Unread records are gone: the run must not go on as if nothing had happened. */
export function dataLossError(loss: DataLoss): CdcDeltaError {
  const { topic, partition, expected, available, lost, cause } = loss;
  const where = `partition ${partition} of topic "${topic}"`;
  const goOn = available === null
    ? ""
    : `. To go on from offset ${available} without them: --no-kafka-fail-on-data-loss`;
  return new CdcDeltaError(
    "data-loss",
    `Cannot read ${where} at offset ${expected}: ${describe(cause, loss)}${goOn}`,
    {
      context: {
        topic,
        partition,
        cause,
        expected: String(expected),
        available: String(available ?? ""),
        lost: String(lost),
      },
    },
  );
}

function describe(cause: DataLoss["cause"], { available, lost }: DataLoss): string {
  const offsets = lost === 1n ? "1 offset was" : `${lost} offsets were`;
  switch (cause) {
    case "removed":
      return `${offsets} removed (retention, or deleted records) before being read; the first ` +
        `one available is ${available}. Restore the rows by a snapshot of the collection, and ` +
        `let the topic keep its records longer`;
    case "truncated":
      return `the log ends ${lost} offsets before it: the brokers lost records (an unclean leader ` +
        `election, say), or the topic was made anew on a cluster without topic ids. Records that ` +
        `took offsets which tables have already are not written`;
    case "topic-deleted":
      return `the topic was deleted, and ${offsets} never read. To go on without them: ` +
        `--no-kafka-fail-on-data-loss`;
  }
}
