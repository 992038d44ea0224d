import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * What happens to answers on their way back.
 *
 * - `pass`: they arrive
 * - `cut`: the connection dies when the first byte of the answer comes: the request has landed
 * - `hang`: they never arrive, the connection stays open
 * - `cut-body`: so many bytes arrive, then the connection dies
 */
export type AnswerFate =
  | { readonly kind: "pass" }
  | { readonly kind: "cut" }
  | { readonly kind: "hang" }
  | { readonly kind: "cut-body"; readonly bytes: number };

/** A TCP proxy on loopback in front of a server. */
export type TcpProxy = {
  /** `http://host:port` of the proxy. */
  readonly endpoint: string;
  /** Changes what happens to answers from now on. */
  setFate(fate: AnswerFate): void;
  /** Answers that were lost so far. */
  lost(): number;
  stop(): Promise<void>;
};

/** The fate of the answer to what a client has just sent; undefined: as `setFate` says. */
export type JudgeRequest = (sent: Uint8Array) => AnswerFate | undefined;

/** Starts a proxy in front of `http://host:port`. */
export async function startTcpProxy(
  target: string,
  judge: JudgeRequest = () => undefined,
): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  let fate: AnswerFate = { kind: "pass" };
  let lost = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let passed = 0;
    let own: AnswerFate | undefined;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (bytes: Uint8Array) => {
      own = judge(bytes) ?? own;
      upstream.write(bytes);
    });
    upstream.on("data", (bytes: Uint8Array) => {
      const now = own ?? fate;
      switch (now.kind) {
        case "pass":
          client.write(bytes);
          return;
        case "hang":
          lost++;
          return;
        case "cut":
          lost++;
          client.destroy();
          return;
        case "cut-body": {
          const rest = bytes.subarray(0, Math.max(0, now.bytes - passed));
          passed += rest.length;
          if (rest.length > 0) client.write(rest);
          if (passed < now.bytes) return;
          lost++;
          client.end();
          return;
        }
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    setFate: (next) => void (fate = next),
    lost: () => lost,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
