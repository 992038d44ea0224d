import { terminalWidth } from "../progress.ts";
import type { CliWorld } from "../world.ts";

/** What is told while a command works on tables: a bar on a terminal, lines elsewhere. */
export type TableProgress = {
  /** A line that stays. */
  say(line: string): void;
  /** How far the work on one table is; elsewhere than on a terminal told at every tenth. */
  show(done: number, total: number, text: string): void;
  /** Removes the bar; resolves once all was written. */
  clear(): Promise<void>;
};

const barWidth = 24;

/** Progress on standard error. */
export function tableProgress({ stderr, terminal }: CliWorld): TableProgress {
  let written = Promise.resolve();
  let drawn = false;
  let tenth = 0;
  const write = (text: string): void => {
    written = written.then(() => stderr.write(text));
  };
  const wipe = (): void => {
    if (drawn) write("\r\u001b[K");
    drawn = false;
  };
  return {
    say(line) {
      wipe();
      write(`${line}\n`);
    },
    show(done, total, text) {
      const share = total <= 0 ? 0 : Math.min(1, done / total);
      if (terminal !== null) {
        write(`\r\u001b[K${barText(share, text, terminalWidth(terminal))}`);
        drawn = true;
        return;
      }
      const now = Math.floor(share * 10);
      if (now > tenth || done === 0) write(`${text}\n`);
      tenth = now;
    },
    async clear() {
      wipe();
      await written;
    },
  };
}

/** `[#####-----]  45%  text`, cut to the terminal. Pure. */
export function barText(share: number, text: string, columns: number): string {
  const filled = Math.round(share * barWidth);
  const bar = `[${"#".repeat(filled)}${"-".repeat(barWidth - filled)}]`;
  const line = `${bar} ${`${Math.floor(share * 100)}%`.padStart(4)}  ${text}`;
  return line.length < columns ? line : `${line.slice(0, Math.max(0, columns - 2))}…`;
}
