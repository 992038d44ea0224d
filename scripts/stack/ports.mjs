// Which ports the parts listen on.
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { parts } from "./parts.mjs";

/** Throws when a port is asked for that differs from the one a data folder has stored. */
export function checkPorts(asked, kept) {
  for (const [port, stored] of Object.entries(kept ?? {})) {
    const wanted = asked.numbers[port];
    if (wanted !== undefined && wanted !== stored) {
      throw new Error(
        `This data folder has ${port} on port ${stored}, and what is in it refers to that port: ` +
          `leave out ${port}=${wanted}, name another folder with --data, or use down --wipe`,
      );
    }
  }
}

/**
 * The ports of one part: those of its data folder, else as asked for (`auto`, or numbers by name),
 * else the defaults. Throws when one is taken.
 * @param {string} name
 * @param {{ auto: boolean, numbers: Record<string, number> }} asked
 * @param {Record<string, number> | undefined} kept
 * @param {boolean} secure with the ports of secure listeners
 */
export async function choosePorts(name, asked, kept, secure = false) {
  const ports = {};
  const standards = { ...parts[name].ports, ...(secure ? parts[name].securePorts : {}) };
  for (const [port, standard] of Object.entries(standards)) {
    const wanted = asked.numbers[port];
    const stored = kept?.[port];
    ports[port] = stored ?? wanted ?? (asked.auto ? await freePort() : standard);
    // What was killed a moment ago may hold its port until its last thread has ended.
    if (!(await isFreeWithin(stored === undefined ? 0 : 5000, ports[port]))) {
      throw new Error(
        `Port ${ports[port]} for ${port} is taken: end what listens there` +
          (stored === undefined ? `, or pass --ports auto or --ports ${port}=NUMBER` : ""),
      );
    }
  }
  return ports;
}

/**
 * A free port below those the system gives to outgoing connections, which could take it before the
 * part that it is meant for has started.
 */
async function freePort() {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    if (!given.has(port) && (await isFree(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error("No free port between 15000 and 32000: end what listens there");
}

const given = new Set();

async function isFreeWithin(ms, port) {
  const deadline = Date.now() + ms;
  while (!(await isFree(port))) {
    if (Date.now() >= deadline) return false;
    await sleep(50);
  }
  return true;
}

function isFree(port) {
  const server = net.createServer();
  return new Promise((resolve) => {
    server.on("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
