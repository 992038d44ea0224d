// One MongoDB command over a connection of its own: OP_MSG with the few BSON types that starting a
// replica set, and looking at it, take. No driver is needed before anything is installed.
import { Buffer } from "node:buffer";
import net from "node:net";

const opMsg = 2013;

/**
 * Runs a command on 127.0.0.1 and returns its reply; throws when there is none or it is not ok.
 * @param {number} port
 * @param {Record<string, unknown>} command The command's name first, `$db` included or "admin".
 * @returns {Promise<Record<string, unknown>>}
 */
export async function mongoCommand(port, command, timeoutMs = 5000) {
  const reply = await exchange(
    port,
    message({ ...command, $db: command.$db ?? "admin" }),
    timeoutMs,
  );
  if (reply.ok !== 1) {
    const error = new Error(
      `${Object.keys(command)[0]} failed: ${reply.errmsg} (${reply.codeName})`,
    );
    error.codeName = reply.codeName;
    throw error;
  }
  return reply;
}

function exchange(port, request, timeoutMs) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: "127.0.0.1" });
    let received = Buffer.alloc(0);
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no reply in ${timeoutMs} ms`)));
    socket.on("connect", () => socket.write(request));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("the server closed the connection")));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < received.readInt32LE(0)) return;
      // Header 16, flags 4, kind of section 1.
      resolve(decode(received.subarray(21)));
      socket.destroy();
    });
  });
}

function message(document) {
  const body = encode(document);
  const head = Buffer.alloc(21);
  head.writeInt32LE(21 + body.length, 0);
  head.writeInt32LE(1, 4);
  head.writeInt32LE(opMsg, 12);
  return Buffer.concat([head, body]);
}

function encode(document) {
  const fields = Object.entries(document).map(([name, value]) => field(name, value));
  const length = Buffer.alloc(4);
  length.writeInt32LE(fields.reduce((sum, one) => sum + one.length, 5));
  return Buffer.concat([length, ...fields, Buffer.of(0)]);
}

function field(name, value) {
  const [type, bytes] = element(value);
  return Buffer.concat([Buffer.of(type), Buffer.from(`${name}\0`), bytes]);
}

function element(value) {
  if (typeof value === "boolean") return [8, Buffer.of(value ? 1 : 0)];
  if (Array.isArray(value)) return [4, encode(Object.fromEntries(value.entries()))];
  if (typeof value === "object" && value !== null) return [3, encode(value)];
  if (typeof value === "number") {
    const whole = Number.isInteger(value) && Math.abs(value) < 2 ** 31;
    const bytes = Buffer.alloc(whole ? 4 : 8);
    if (whole) bytes.writeInt32LE(value);
    else bytes.writeDoubleLE(value);
    return [whole ? 16 : 1, bytes];
  }
  if (typeof value !== "string") throw new TypeError(`cannot send a ${typeof value} to MongoDB`);
  const text = Buffer.from(`${value}\0`);
  const length = Buffer.alloc(4);
  length.writeInt32LE(text.length);
  return [2, Buffer.concat([length, text])];
}

function decode(bytes) {
  const document = {};
  let at = 4;
  while (bytes[at] !== 0) {
    const type = bytes[at];
    const end = bytes.indexOf(0, at + 1);
    const name = bytes.toString("utf8", at + 1, end);
    const [value, length] = valueOf(type, bytes.subarray(end + 1));
    document[name] = value;
    at = end + 1 + length;
  }
  return document;
}

/** The value and how many bytes it took. */
function valueOf(type, bytes) {
  switch (type) {
    case 1:
      return [bytes.readDoubleLE(0), 8];
    case 2:
      return [bytes.toString("utf8", 4, 3 + bytes.readInt32LE(0)), 4 + bytes.readInt32LE(0)];
    case 3:
      return [decode(bytes), bytes.readInt32LE(0)];
    case 4:
      return [Object.values(decode(bytes)), bytes.readInt32LE(0)];
    case 5:
      return [bytes.subarray(5, 5 + bytes.readInt32LE(0)), 5 + bytes.readInt32LE(0)];
    case 7:
      return [bytes.toString("hex", 0, 12), 12];
    case 8:
      return [bytes[0] === 1, 1];
    case 10:
      return [null, 0];
    case 16:
      return [bytes.readInt32LE(0), 4];
    case 9:
    case 17:
    case 18:
      return [bytes.readBigInt64LE(0), 8];
    default:
      throw new TypeError(`cannot read the BSON type ${type} in MongoDB's reply`);
  }
}
