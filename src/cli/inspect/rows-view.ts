export async function writeRows(
  _out: unknown,
  _engine: unknown,
  _snapshot: unknown,
  _options: unknown,
): Promise<void> {}
