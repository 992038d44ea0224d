import { setTimeout as sleep } from "node:timers/promises";

/**
 * Looks again and again until nothing is wrong: `look` answers null then, else what is wrong. Throws
 * the last answer, or the last error, when the time is over; a wrong query is not asked again.
 */
export async function untilRight(
  what: string,
  look: () => Promise<string | null>,
  { timeoutMs = 60_000, pauseMs = 150 }: {
    readonly timeoutMs?: number;
    readonly pauseMs?: number;
  } = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const wrong = await look().catch((error: unknown) => String(error));
    if (wrong === null) return;
    if (performance.now() > deadline || wrong.includes("Parser")) {
      throw new Error(`${what} did not come within ${timeoutMs / 1000} s: ${wrong}`);
    }
    await sleep(pauseMs);
  }
}
