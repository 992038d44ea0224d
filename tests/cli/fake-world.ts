import { Buffer } from "node:buffer";
import { runCli } from "../../src/cli/run-cli.ts";
import type { CliWorld, SignalName, TextSink } from "../../src/cli/world.ts";

export type FakeWorldOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** Standard output's reader goes away once it has this many characters. */
  readonly stdoutCharsMax?: number;
  /** Answers questions; without it there is nobody to ask. */
  readonly ask?: NonNullable<CliWorld["ask"]>;
};

export type FakeWorld = {
  readonly world: CliWorld;
  readonly stdout: () => string;
  /** What was written to standard output that is no text. */
  readonly stdoutBytes: () => Uint8Array;
  readonly stderr: () => string;
  readonly signal: (name: SignalName) => void;
  readonly exits: number[];
};

/** A process without a terminal, whose output is kept. */
export function fakeWorld(argv: readonly string[], options: FakeWorldOptions = {}): FakeWorld {
  const stdout = sink(options.stdoutCharsMax ?? Infinity);
  const stderr = sink(Infinity);
  const listeners = new Set<(signal: SignalName) => void>();
  const exits: number[] = [];
  const world: CliWorld = {
    argv,
    env: options.env ?? {},
    stdin: options.stdin ?? nothing(),
    stdout: stdout.sink,
    stderr: stderr.sink,
    terminal: null,
    ask: options.ask ?? null,
    onSignal(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    exit: (code) => exits.push(code),
  };
  return {
    world,
    stdout: stdout.text,
    stdoutBytes: stdout.bytes,
    stderr: stderr.text,
    signal: (name) => listeners.forEach((listener) => listener(name)),
    exits,
  };
}

/** Runs a command line in this process. */
export async function cli(
  argv: readonly string[],
  options: FakeWorldOptions = {},
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const { world, stdout, stderr } = fakeWorld(argv, options);
  const code = await runCli(world);
  return { code, stdout: stdout(), stderr: stderr() };
}

function sink(charsMax: number): {
  readonly sink: TextSink;
  readonly text: () => string;
  readonly bytes: () => Uint8Array;
} {
  let text = "";
  const chunks: Uint8Array[] = [];
  const closed = new AbortController();
  return {
    text: () => text,
    bytes: () => Buffer.concat(chunks),
    sink: {
      isTTY: false,
      columns: 100,
      closed: closed.signal,
      write(part) {
        if (!closed.signal.aborted) text += part;
        if (text.length > charsMax) closed.abort();
        return Promise.resolve();
      },
      writeBytes(bytes) {
        if (!closed.signal.aborted) chunks.push(bytes.slice());
        return Promise.resolve();
      },
    },
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // Standard input that is closed.
}
