// Whether a server answers in its own protocol. Each resolves to null when it does, else to why not.
import { Buffer } from "node:buffer";
import net from "node:net";
import { mongoCommand } from "./mongo-command.mjs";

const timeoutMs = 3000;

/** A replica set's primary that takes writes. */
export async function probeMongodb(port) {
  try {
    const hello = await mongoCommand(port, { hello: 1 }, timeoutMs);
    return hello.isWritablePrimary ? null : "not a writable primary";
  } catch (error) {
    return error.message;
  }
}

/** A broker that answers ApiVersions (key 18, version 0) without an error. */
export function probeKafka(port) {
  const clientId = Buffer.from("stack");
  const request = Buffer.alloc(14 + clientId.length);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt16BE(18, 4);
  request.writeInt32BE(1, 8);
  request.writeInt16BE(clientId.length, 12);
  clientId.copy(request, 14);
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: "127.0.0.1" });
    let received = Buffer.alloc(0);
    const end = (reason) => {
      resolve(reason);
      socket.destroy();
    };
    socket.setTimeout(timeoutMs, () => end(`no reply in ${timeoutMs} ms`));
    socket.on("connect", () => socket.write(request));
    socket.on("error", (error) => end(error.message));
    socket.on("close", () => end("the broker closed the connection"));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 10) return;
      const code = received.readInt16BE(8);
      end(code === 0 ? null : `ApiVersions answered with the error ${code}`);
    });
  });
}

/** A page that answers 200. */
export async function probeHttp(url) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    await answer.arrayBuffer();
    return answer.status === 200 ? null : `${url} answered ${answer.status}`;
  } catch (error) {
    return error.cause?.message ?? error.message;
  }
}
