import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import type { SystemFacts } from "./settings/derive-settings.ts";

/** Files in which the kernel tells a container's memory limit: cgroup v2, then v1. */
const limitFiles = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/** Cores and memory that this process may use. */
export function systemFacts(): SystemFacts {
  const machineBytes = totalmem();
  const limits = limitFiles.flatMap((path) => {
    const bytes = Number(readOrEmpty(path).trim() || "none");
    return Number.isFinite(bytes) && bytes > 0 ? [bytes] : [];
  });
  return {
    cores: availableParallelism(),
    memoryLimitBytes: Math.min(machineBytes, ...limits),
  };
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
