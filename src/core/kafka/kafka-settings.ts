/** How a Kafka cluster is reached. Plain data but for the token function. */
export type KafkaSettings = {
  /** `host:port` of brokers to ask for the cluster. */
  readonly bootstrapServers: readonly string[];
  readonly clientId: string;
  /** Null: plain TCP. */
  readonly tls: KafkaTls | null;
  /** Null: no authentication. */
  readonly sasl: KafkaSasl | null;
  readonly connectionTimeoutMs: number;
  readonly requestTimeoutMs: number;
};

/** PEM texts, not file names. */
export type KafkaTls = {
  readonly ca: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
  readonly keyPassphrase: string | null;
  /** False: any certificate is taken; for tests. */
  readonly verify: boolean;
};

export type KafkaSasl =
  | {
    readonly kind: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  }
  | {
    readonly kind: "oauthbearer";
    /** Asked for a token on each authentication. */
    readonly token: (options: { readonly signal: AbortSignal }) => Promise<string>;
  };
