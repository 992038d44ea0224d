import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CdcDeltaError, messageOf } from "../../errors.ts";
import { httpRequestMsMax } from "../../limits.ts";

/** What a page answers. */
export type HttpAnswer = {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
};

/** Pages by path, such as `/metrics`. */
export type HttpPages = Readonly<Record<string, () => HttpAnswer | Promise<HttpAnswer>>>;

export type HttpServer = {
  readonly port: number;
  close(): Promise<void>;
};

/** Serves pages until closed. Errors: `usage` when the address or port cannot be had. */
export async function openHttpServer(
  { host, port, pages }: {
    readonly host: string;
    /** 0: any free one. */
    readonly port: number;
    readonly pages: HttpPages;
  },
): Promise<HttpServer> {
  const server = createServer((request, response) => void answer(pages, request, response));
  server.requestTimeout = httpRequestMsMax;
  server.headersTimeout = httpRequestMsMax;
  server.keepAliveTimeout = httpRequestMsMax;
  await listen(server, host, port);
  // A run that is over does not wait for whoever watches it.
  server.unref();
  const { port: taken } = server.address() as AddressInfo;
  return {
    port: taken,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const taken = error.code === "EADDRINUSE";
      reject(
        new CdcDeltaError(
          "usage",
          `Cannot listen on ${host}:${port} for /metrics, /healthz and /readyz: ${
            taken ? "something else listens there" : messageOf(error)
          }. Choose another port with --http-port (CDCDELTA_HTTP_PORT), or switch it off with ` +
            "--http-port off",
          { cause: error },
        ),
      );
    });
    server.listen({ host, port }, () => resolve());
  });
}

async function answer(
  pages: HttpPages,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { status, contentType, body } = await pageFor(pages, request);
  response.writeHead(status, { "content-type": contentType, "cache-control": "no-store" });
  response.end(request.method === "HEAD" ? undefined : body);
}

async function pageFor(pages: HttpPages, { method, url }: IncomingMessage): Promise<HttpAnswer> {
  if (method !== "GET" && method !== "HEAD") return textAnswer(405, "only GET is answered\n");
  const path = (url ?? "/").replace(/[?#].*$/, "");
  if (path === "/") return textAnswer(200, `${Object.keys(pages).join("\n")}\n`);
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (page === undefined) return textAnswer(404, `there is no ${path}\n`);
  try {
    return await page();
  } catch (error) {
    return textAnswer(500, `${messageOf(error)}\n`);
  }
}

function textAnswer(status: number, body: string): HttpAnswer {
  return { status, contentType: "text/plain; charset=utf-8", body };
}

/** An answer of one JSON object. */
export function jsonAnswer(status: number, value: object): HttpAnswer {
  return { status, contentType: "application/json", body: `${JSON.stringify(value)}\n` };
}
