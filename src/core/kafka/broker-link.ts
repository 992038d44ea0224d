import type { CallOptions } from "./kafka-client.ts";
import { clientClosed } from "./kafka-failure.ts";
import type { KafkaRequest } from "./kafka-request.ts";
import type { KafkaSettings } from "./kafka-settings.ts";
import { openConnection } from "./open-connection.ts";
import type { OpenConnection } from "./open-connection.ts";

/** The way to one broker for one use: connects when it is needed, again after each failure. */
export type BrokerLink = {
  readonly send: <A>(request: KafkaRequest<A>, options: CallOptions) => Promise<A>;
  readonly close: () => void;
};

/** Connects nothing yet. */
export function brokerLink(address: string, settings: KafkaSettings): BrokerLink {
  const closing = new AbortController();
  let open: OpenConnection | null = null;
  let opening: Promise<OpenConnection> | null = null;

  async function reopen(): Promise<OpenConnection> {
    try {
      open = await openConnection(address, settings, { signal: closing.signal });
      return open;
    } finally {
      opening = null;
    }
  }

  /** Several callers wait for one connection; one that gives up leaves it to the others. */
  function connected({ signal }: CallOptions): Promise<OpenConnection> {
    if (open?.usable() === true) return Promise.resolve(open);
    open?.retire();
    open = null;
    opening ??= reopen();
    return unlessAborted(opening, signal);
  }

  return {
    async send(request, options) {
      options.signal.throwIfAborted();
      closing.signal.throwIfAborted();
      const connection = await connected(options);
      options.signal.throwIfAborted();
      return connection.send(request, options);
    },
    close() {
      closing.abort(clientClosed(address));
      open = null;
    },
  };
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    if (signal.aborted) onAbort();
  });
}
