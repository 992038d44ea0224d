/** Limits on every queue, buffer and retry that have no setting of their own, with their units. */

/** Bytes of a job, decompressed: large enough for good row groups, small enough to keep workers level. */
export const jobBytesMax = 8 * 1024 * 1024;

/** Decompressed bytes of one Kafka record batch; brokers take batches of 1 MiB unless told. */
export const kafkaBatchBytesMax = 256 * 1024 * 1024;

/** Brokers that are asked for full answers; where there are more, they share what these may bring. */
export const fullFetchesMax = 2;

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

/** Different label values of one metric; those beyond share the value `(other)`. */
export const labelSetsMax = 1000;

/** A store that was silent for so long is asked when somebody asks for readiness. */
export const storeSilenceMsMax = 5_000;

/** Time for the store to answer when it is asked for readiness. */
export const storeProbeMsMax = 3_000;

/** A slow or silent client of /metrics and the like holds a connection for so long. */
export const httpRequestMsMax = 10_000;

/** `cdcdelta health` waits so long for an answer. */
export const healthAnswerMsMax = 5_000;

/** Spans that wait to be sent to the collector; beyond, new ones are dropped. */
export const traceQueueMax = 1000;

/** Time between two requests to the collector, and for it to take one. */
export const traceSendEveryMs = 2_000;
export const traceSendMsMax = 5_000;

/** A run that is over waits so long to leave its group and to close its connections. */
export const farewellMsMax = 10_000;

/** Times a request to Kafka Connect is sent at most. */
export const connectAttemptsMax = 10;

/** Looks in a row at a connector that must agree: after a change Connect shows the old state. */
export const agreeingLooksMin = 3;

/** Looks, half a second apart, for a connector to stop or to be gone. */
export const connectorLooksMax = 60;
