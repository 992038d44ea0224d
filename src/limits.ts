/** Limits on every queue, buffer and retry that have no setting of their own, with their units. */

/** Bytes of a job, decompressed: large enough for good row groups, small enough to keep workers level. */
export const jobBytesMax = 8 * 1024 * 1024;

/** Decompressed bytes of one Kafka record batch; brokers take batches of 1 MiB unless told. */
export const kafkaBatchBytesMax = 256 * 1024 * 1024;

/** Tables of one flush that are committed at the same time. */
export const tableCommitsParallelMax = 8;

/** Times a table's flush is prepared anew after other writers changed its schema or protocol. */
export const flushAttemptsMax = 20;

/** Times in a row that a run goes back to its floor after another writer moved its positions. */
export const restartsMax = 10;

/** A run that went on for so long since it last went back begins to count anew. */
export const restartForgottenMs = 60_000;

/** Time to get a token for OAUTHBEARER from its token URL. */
export const oauthTokenTimeoutMs = 10_000;
