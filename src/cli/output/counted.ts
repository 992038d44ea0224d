/** The noun for so many: `row`, `rows`. Pure. */
export function nounFor(count: number | bigint | string, noun: string): string {
  return String(count) === "1" ? noun : `${noun}s`;
}

/** `1 row`, `2 rows`. Pure. */
export function counted(count: number | bigint | string, noun: string): string {
  return `${count} ${nounFor(count, noun)}`;
}
