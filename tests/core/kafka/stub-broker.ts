import { Buffer } from "node:buffer";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** One request as it came in. */
export type StubRequest = {
  readonly api: keyof typeof apiKeys;
  readonly version: number;
  /** What follows the request's header. */
  readonly body: Buffer;
  /** Which of the connections so far, from 1 on. */
  readonly connection: number;
};

/** An answer's body, silence, or the end of the connection. */
export type StubAnswer = Buffer | "silence" | "hang-up";

export type StubBroker = {
  readonly port: number;
  readonly address: string;
  /** All but ApiVersions. */
  readonly requests: readonly StubRequest[];
  /** Waits until so many requests, all in all, have come. */
  received(count: number): Promise<void>;
  stop(): Promise<void>;
};

/** Numbers of Kafka's protocol. */
export const apiKeys = {
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  FindCoordinator: 10,
  JoinGroup: 11,
  Heartbeat: 12,
  ApiVersions: 18,
} as const;

/** A server that speaks Kafka's framing; what it answers is up to the test. */
export async function startStubBroker(
  answer: (request: StubRequest) => StubAnswer,
): Promise<StubBroker> {
  const requests: StubRequest[] = [];
  const sockets = new Set<Socket>();
  let waiting: () => void = () => {};
  let connections = 0;
  const server = createServer((socket) => {
    const connection = ++connections;
    let received = Buffer.alloc(0);
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (bytes) => {
      received = Buffer.concat([received, Buffer.from(bytes)]);
      for (let size = frameSize(received); size !== null; size = frameSize(received)) {
        const frame = received.subarray(4, size);
        received = received.subarray(size);
        const request = parse(frame, connection);
        if (request.api !== "ApiVersions") requests.push(request);
        const told = answer(request);
        if (told === "hang-up") socket.destroy();
        else if (told !== "silence") socket.write(framed(frame.readInt32BE(4), told));
        waiting();
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    address: `127.0.0.1:${port}`,
    requests,
    async received(count) {
      while (requests.length < count) await new Promise<void>((resolve) => waiting = resolve);
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** The answer to ApiVersions: the highest version of each request. */
export function apiVersions(highest: Partial<Record<keyof typeof apiKeys, number>>): Buffer {
  const spoken = { Fetch: 11, ListOffsets: 3, Metadata: 5, ...groupVersions, ...highest };
  const answer = Buffer.alloc(6 + 6 * Object.keys(spoken).length);
  answer.writeInt32BE(Object.keys(spoken).length, 2);
  Object.entries(spoken).forEach(([name, version], index) => {
    answer.writeInt16BE(apiKeys[name as keyof typeof apiKeys], 6 + 6 * index);
    answer.writeInt16BE(version, 10 + 6 * index);
  });
  return answer;
}

const groupVersions = { FindCoordinator: 1, JoinGroup: 2, Heartbeat: 1 };

function frameSize(received: Buffer): number | null {
  if (received.length < 4) return null;
  const size = 4 + received.readInt32BE(0);
  return received.length < size ? null : size;
}

function parse(frame: Buffer, connection: number): StubRequest {
  const key = frame.readInt16BE(0);
  const found = Object.entries(apiKeys).find(([, value]) => value === key);
  if (found === undefined) throw new Error(`a request of API key ${key}`);
  const body = frame.subarray(10 + frame.readInt16BE(8));
  const api = found[0] as keyof typeof apiKeys;
  return { api, version: frame.readInt16BE(2), body, connection };
}

function framed(correlationId: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt32BE(4 + body.length, 0);
  head.writeInt32BE(correlationId, 4);
  return Buffer.concat([head, body]);
}
