import type { ObjectMeta, ObjectStore } from "../../../src/delta/storage/object-store.ts";
import type { FakeNetwork } from "../../support/fake-broker.ts";
import type { Process, Scheduler } from "../../simulation/scheduler.ts";

/** Where a process dies: at which of its requests, to the store or to Kafka, and whether it counts. */
export type Mortality = {
  readonly process: Process;
  readonly dieAt: { readonly step: number; readonly happens: boolean } | null;
  /** What it asked for so far. */
  readonly steps: string[];
  died: string | null;
  onDeath: () => void;
  /** Called before each request, which waits for it: somebody else gets in between. */
  before: (step: number) => Promise<unknown> | null;
};

/** One request of a process; when it dies there, nobody ever hears the answer. */
async function step<T>(life: Mortality, name: string, effect: () => Promise<T>): Promise<T> {
  if (!life.process.alive) return await new Promise<T>(() => undefined);
  const number = life.steps.push(name);
  await life.before(number);
  if (number !== life.dieAt?.step) return await effect();
  life.process.alive = false;
  life.died = name;
  if (life.dieAt.happens) await effect().catch(() => undefined);
  life.onDeath();
  return await new Promise<T>(() => undefined);
}

/** The store as a process sees it that may die. */
export function mortalWorldStore(inner: ObjectStore, life: Mortality): ObjectStore {
  const call = <T>(name: string, key: string, effect: () => Promise<T>): Promise<T> =>
    step(life, `${name} ${key}`, effect);
  return {
    ...inner,
    get: (key, io) => call("get", key, () => inner.get(key, io)),
    head: (key, io) => call("head", key, () => inner.head(key, io)),
    async *list(prefix, io): AsyncGenerator<ObjectMeta> {
      const found: ObjectMeta[] = [];
      await call("list", prefix, async () => {
        for await (const meta of inner.list(prefix, io)) found.push(meta);
      });
      yield* found;
    },
    put: (key, chunks, io) => call("put", key, () => inner.put(key, chunks, io)),
    putIfAbsent: (key, bytes, io) =>
      call("putIfAbsent", key, () => inner.putIfAbsent(key, bytes, io)),
    delete: (keys, io) => call("delete", keys.join(), () => inner.delete(keys, io)),
  };
}

/** Requests to Kafka; those that keep time are no steps of their own. */
export function mortalNetwork(scheduler: Scheduler, life: Mortality): FakeNetwork {
  const wire: Process = { name: "wire", alive: true, frozenUntilMs: 0 };
  return async (call, effect) => {
    const sent = (): Promise<unknown> => scheduler.wait(wire, 1, effect);
    const counts = call.kind !== "heartbeat";
    const answer = counts ? await step(life, `kafka ${call.kind}`, sent) : await sent();
    return answer as Awaited<ReturnType<typeof effect>>;
  };
}
