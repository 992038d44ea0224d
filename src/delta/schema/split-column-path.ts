/**
 * ``a.`b.c`.d`` → its names: dots part them, a name in back-ticks is taken as it stands and holds a
 * back-tick as two (`delta.dataSkippingStatsColumns`). Pure.
 */
export function splitColumnPath(text: string): string[] {
  const parts = text.trim().match(/(?:`(?:[^`]|``)*`|[^.`])+/g) ?? [];
  return parts.map((part) => {
    const name = part.trim();
    const quoted = name.length > 1 && name.startsWith("`") && name.endsWith("`");
    return quoted ? name.slice(1, -1).replaceAll("``", "`") : name;
  });
}
