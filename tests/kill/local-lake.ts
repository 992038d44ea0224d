import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { localStore } from "../../src/delta/storage/local-store.ts";
import type { Lake } from "./lake-check.ts";
import { type Input, startPacedRun, wasKilled } from "./paced-run.ts";

/** Where a run dies: at the nth system call of a kind that one of its threads makes, or some time. */
export type LocalKill =
  | { readonly syscall: string; readonly nth: number }
  | { readonly afterMs: number };

/** A folder of its own. `traced` runs, which are all of a kind, write their calls to `trace`. */
export function localLake(input: Input): Lake<LocalKill> & { trace(to: string): Promise<void> } {
  const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-kill-"));
  let runs = 0;
  const run = async (wrapper: readonly string[], afterMs: number | null): Promise<boolean> => {
    const child = startPacedRun(folder, input, { wrapper, isResumed: runs++ > 0 });
    if (afterMs !== null) setTimeout(() => child.kill("SIGKILL"), afterMs);
    return wasKilled(await child.ended);
  };
  return {
    store: localStore(folder),
    async run(kill) {
      if (kill === null) return await run([], null);
      if ("afterMs" in kill) return await run([], kill.afterMs);
      const { syscall, nth } = kill;
      return await run([
        ...tracer,
        ...["-o", "/dev/null", "-e", `trace=${syscall}`],
        ...["-e", `inject=${syscall}:signal=KILL:when=${nth}`],
      ], null);
    },
    async trace(to) {
      await run([...tracer, "-o", to, "-e", `trace=${tracedCalls.join()}`], null);
    },
    check() {
      const names = readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.startsWith("."))
        .map((entry) => entry.name);
      // Readers of Delta and Hive tables pass over names with a dot; no others may be unfinished.
      const strange = names.filter((name) => !/^\.tmp-[0-9a-f-]{36}$/.test(name));
      if (strange.length > 0) throw new Error(`files left behind: ${strange.join(", ")}`);
    },
    drop: () => rmSync(folder, { recursive: true, force: true }),
  };
}

// Without --seccomp-bpf, with which some versions do not inject signals.
const tracer = ["strace", "-f", "-qq"];

/** Calls that change what is on the disk, in the form the C library or the runtime makes them. */
export const tracedCalls = [
  "fsync",
  "link",
  "linkat",
  "rename",
  "renameat",
  "renameat2",
  "unlink",
  "unlinkat",
  "mkdir",
  "mkdirat",
];
