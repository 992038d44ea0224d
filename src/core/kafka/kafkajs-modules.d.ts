/** Types of the parts of kafkajs 2.2.4 that are imported from inside it; it ships types for its front door only. */

declare module "kafkajs/src/network/connection.js" {
  import type { Buffer } from "node:buffer";
  import type { Socket } from "node:net";

  type Logger = {
    info(): void;
    error(): void;
    warn(): void;
    debug(): void;
    namespace(): Logger;
    setLogLevel(): void;
  };
  type SocketFactory = (
    options: { host: string; port: number; ssl: object | null; onConnect: () => void },
  ) => Socket;
  type SaslAuthenticate = (exchange: {
    request: { encode: () => Promise<Buffer> };
    response: { decode: (answer: Buffer) => Promise<Buffer>; parse: (answer: Buffer) => unknown };
  }) => Promise<unknown>;
  type Sasl =
    & { mechanism: string }
    & (
      | { username: string; password: string }
      | {
        authenticationProvider: (
          connection: { saslAuthenticate: SaslAuthenticate },
        ) => { authenticate: () => Promise<void> };
      }
    );
  type ApiVersions = Record<number, { minVersion: number; maxVersion: number }>;
  type Payload = { readonly buf: Buffer; readonly buffer: Buffer; size(): number };

  class Connection {
    constructor(options: {
      host: string;
      port: number;
      logger: Logger;
      socketFactory: SocketFactory;
      requestTimeout: number;
      connectionTimeout: number;
      enforceRequestTimeout: boolean;
      clientId: string;
      ssl: object | null;
      sasl: Sasl | null;
    });
    reauthenticationThreshold: number;
    readonly sessionLifetime: { toString(): string };
    connect(): Promise<unknown>;
    disconnect(): Promise<unknown>;
    authenticate(): Promise<void>;
    isConnected(): boolean;
    isAuthenticated(): boolean;
    setVersions(versions: ApiVersions): void;
    setSupportAuthenticationProtocol(supported: boolean): void;
    rejectRequests(error: Error): void;
    send<T>(call: {
      request: {
        apiKey: number;
        apiName: string;
        apiVersion: number;
        encode: () => Promise<Payload>;
      };
      response: {
        decode: (payload: Buffer) => Promise<{ clientSideThrottleTime: number; answer: T }>;
        parse: (decoded: { clientSideThrottleTime: number; answer: T }) => T;
      };
    }): Promise<T>;
  }
  export default Connection;
}

declare module "kafkajs/src/network/requestQueue/index.js" {
  class RequestQueue {
    throttleCheckTimeoutId: ReturnType<typeof setTimeout> | null;
    throttledUntil: number;
    pending: readonly unknown[];
    checkPendingRequests(): void;
    scheduleCheckPendingRequests(): void;
  }
  export default RequestQueue;
}

declare module "kafkajs/src/protocol/encoder.js" {
  import type { Buffer } from "node:buffer";

  class Encoder {
    constructor(initialSize: number);
    readonly buf: Buffer;
    readonly buffer: Buffer;
    size(): number;
    writeBuffer(bytes: Buffer): Encoder;
  }
  export default Encoder;
}
