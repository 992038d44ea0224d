const defaultTargetBytes = 128 << 20;

const factors: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/**
 * The size that a table's files are filled up to: its own `delta.targetFileSize`, whose units are
 * powers of 1024 as Spark reads them, else 128 MiB. Pure.
 */
export function tableTargetBytes(configuration: Readonly<Record<string, string>>): number {
  const text = configuration["delta.targetFileSize"] ?? "";
  const match = /^(\d{1,12})\s*([kmg]?)b?$/.exec(text.trim().toLowerCase());
  if (match === null) return defaultTargetBytes;
  const bytes = Number(match[1]) * (factors[match[2] ?? ""] ?? 1);
  return bytes > 0 ? bytes : defaultTargetBytes;
}
