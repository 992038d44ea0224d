/** Sizes and durations as people write them: `64MiB`, `1.5GB`, `10s`, `1m30s`, `500ms`. */

const bytesPerUnit: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  tb: 1000 ** 4,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};

const msPerUnit: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Bytes of a size such as `64MiB` or a bare number of bytes; null when it is none. */
export function parseByteSize(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text.trim());
  if (match === null) return null;
  const [, digits = "", unit = ""] = match;
  const factor = unit === "" ? 1 : bytesPerUnit[unit.toLowerCase()];
  if (factor === undefined) return null;
  const bytes = Number(digits) * factor;
  if (!Number.isSafeInteger(Math.round(bytes))) return null;
  // Half a byte can only be a slip; half a mebibyte is fine.
  if (factor === 1 && !Number.isInteger(bytes)) return null;
  return Math.round(bytes);
}

/** Milliseconds of a duration such as `10s`, `500ms`, `1m30s`, or `0`; null when it is none. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim();
  if (trimmed === "0") return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(trimmed)) return null;
  let ms = 0;
  for (const [, digits = "", unit = ""] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    ms += Number(digits) * (msPerUnit[unit] ?? 0);
  }
  return Number.isSafeInteger(Math.round(ms)) ? Math.round(ms) : null;
}

/** The shortest exact form of a size, as `parseByteSize` reads it. */
export function formatByteSize(bytes: number): string {
  if (bytes === 0) return "0";
  for (const unit of ["TiB", "GiB", "MiB", "KiB", "GB", "MB", "KB"]) {
    const factor = bytesPerUnit[unit.toLowerCase()] ?? 1;
    if (bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${bytes}B`;
}

/** The shortest exact form of a duration, as `parseDuration` reads it. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0";
  for (const unit of ["d", "h", "m", "s"]) {
    const factor = msPerUnit[unit] ?? 1;
    if (ms % factor === 0) return `${ms / factor}${unit}`;
  }
  return `${ms}ms`;
}

/** A size for people, rounded: `1.4 MiB`. */
export function humanByteSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${units[unit] ?? ""}`;
}
