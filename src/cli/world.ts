import { Buffer } from "node:buffer";
import process from "node:process";
import { createInterface } from "node:readline";

export type SignalName = "SIGINT" | "SIGTERM";

/** A stream of text to somebody outside. */
export type TextSink = {
  readonly isTTY: boolean;
  readonly columns: number;
  /** Resolves once the text was taken over, so that the writer never runs ahead of the reader. */
  write(text: string): Promise<void>;
  /** As `write`, for what is no text. */
  writeBytes(bytes: Uint8Array): Promise<void>;
  /** Aborted when the reader went away (EPIPE); what is written then is dropped. */
  readonly closed: AbortSignal;
};

/** All that the command line knows of its process, as an object, so that tests can be the process. */
export type CliWorld = {
  /** Arguments without the runtime and the script. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  /** The terminal that standard error is, for the progress bar; null when it is none. */
  readonly terminal: NodeJS.WriteStream | null;
  /**
   * Asks a person and answers with the line typed; null for Ctrl-C, Ctrl-D or an aborted signal.
   * Itself null where standard input or standard error is no terminal: there is nobody to ask.
   */
  readonly ask: ((question: string, signal: AbortSignal) => Promise<string | null>) | null;
  /** Calls the listener for each SIGINT and SIGTERM until the returned function is called. */
  onSignal(listener: (signal: SignalName) => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
};

/** The real process. */
export function processWorld(): CliWorld {
  return {
    argv: process.argv.slice(2),
    env: process.env,
    stdin: process.stdin,
    stdout: sinkOf(process.stdout),
    stderr: sinkOf(process.stderr),
    terminal: process.stderr.isTTY ? process.stderr : null,
    ask: process.stdin.isTTY && process.stderr.isTTY ? askOnTerminal : null,
    onSignal(listener) {
      const handlers = (["SIGINT", "SIGTERM"] as const).map((signal) => {
        const handler = (): void => listener(signal);
        process.on(signal, handler);
        return () => process.off(signal, handler);
      });
      return () => handlers.forEach((off) => off());
    },
    exit: (code) => process.exit(code),
  };
}

function askOnTerminal(question: string, signal: AbortSignal): Promise<string | null> {
  if (signal.aborted) return Promise.resolve(null);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  return new Promise((resolve) => {
    const end = (answer: string | null): void => {
      signal.removeEventListener("abort", onAbort);
      // First, since closing is an end of its own.
      resolve(answer);
      lines.close();
    };
    const onAbort = (): void => end(null);
    signal.addEventListener("abort", onAbort, { once: true });
    // Ctrl-C comes as this event while a line is being typed, not as a signal to the process.
    lines.on("SIGINT", () => {
      process.stderr.write("^C\n");
      end(null);
    });
    lines.on("close", () => end(null));
    lines.question(question, end);
  });
}

type TtyLike = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

function sinkOf(stream: TtyLike): TextSink {
  const closed = new AbortController();
  stream.on("error", () => closed.abort());
  const writeBytes = async (bytes: Uint8Array): Promise<void> => {
    if (closed.signal.aborted || bytes.length === 0) return;
    await new Promise<void>((resolve) => {
      // Resolved on close as well: after EPIPE some runtimes never call back.
      const done = (): void => {
        closed.signal.removeEventListener("abort", done);
        resolve();
      };
      closed.signal.addEventListener("abort", done);
      stream.write(bytes, (error) => {
        if (error != null) closed.abort();
        done();
      });
    });
  };
  return {
    isTTY: stream.isTTY === true,
    columns: stream.columns ?? 100,
    closed: closed.signal,
    writeBytes,
    write: (text) => writeBytes(Buffer.from(text)),
  };
}
