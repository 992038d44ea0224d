import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** An HTTP proxy on loopback that can CONNECT and wants a user and a password. */
export type ConnectProxy = {
  readonly url: string;
  /** `host:port` of each tunnel asked for with the right password. */
  readonly tunnels: readonly string[];
  stop(): Promise<void>;
};

/** Starts a proxy that lets in `user` with `p@ss`. */
export async function startConnectProxy(): Promise<ConnectProxy> {
  const tunnels: string[] = [];
  const sockets = new Set<Socket>();
  const wanted = `Basic ${Buffer.from("user:p@ss").toString("base64")}`;
  const server = createServer((_, answer) => void answer.writeHead(405).end());
  server.on("connect", (request, client: Socket, head: Uint8Array) => {
    sockets.add(client);
    client.on("error", () => {});
    if (request.headers["proxy-authorization"] !== wanted) {
      client.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    const place = request.url ?? "";
    tunnels.push(place);
    const target = new URL(`http://${place}`);
    const upstream = connect(Number(target.port || 80), target.hostname, () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.write(head);
      upstream.pipe(client);
      client.pipe(upstream);
    });
    sockets.add(upstream);
    upstream.on("error", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://user:p%40ss@127.0.0.1:${(server.address() as AddressInfo).port}`,
    tunnels,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
