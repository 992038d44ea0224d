import { connect as connectTcp, isIP } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { KafkaTls } from "./kafka-settings.ts";

/** A socket to a broker; `onConnect` when it is ready for requests, the TLS handshake included. */
export function openSocket(
  target: { readonly host: string; readonly port: number },
  tls: KafkaTls | null,
  onConnect: () => void,
): Socket {
  const { host, port } = target;
  const socket = tls === null ? connectTcp({ host, port }, onConnect) : connectTls({
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.certificate === null ? {} : { cert: tls.certificate }),
    ...(tls.key === null ? {} : { key: tls.key }),
    ...(tls.keyPassphrase === null ? {} : { passphrase: tls.keyPassphrase }),
    rejectUnauthorized: tls.verify,
  }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, keepAliveMs);
  return socket;
}

const keepAliveMs = 60_000;

/** `host:port`, an IPv6 address in brackets, in its two parts. */
export function targetOf(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return { host, port: Number(address.slice(colon + 1)) };
}
