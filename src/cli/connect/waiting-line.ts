import type { TextSink } from "../world.ts";

/** Tells what is being waited for: in place on a terminal, a line each time elsewhere. */
export type WaitingLine = {
  show(text: string): Promise<void>;
  /** Removes what stands on the terminal. */
  clear(): Promise<void>;
};

/** A waiting line on standard error. */
export function waitingLine(stderr: TextSink): WaitingLine {
  let shown = false;
  return {
    async show(text) {
      if (!stderr.isTTY) {
        await stderr.write(`${text}\n`);
        return;
      }
      shown = true;
      const columns = Math.max(20, stderr.columns);
      const line = text.length < columns ? text : `${text.slice(0, columns - 2)}…`;
      await stderr.write(`\r\u001b[K${line}`);
    },
    async clear() {
      if (!shown) return;
      shown = false;
      await stderr.write("\r\u001b[K");
    },
  };
}
