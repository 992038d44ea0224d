import { describe, expect, test } from "bun:test";
import { CdcDeltaError } from "../../../src/errors.ts";
import { parseCommit } from "../../../src/delta/log/action-json.ts";
import { commit } from "../../../src/delta/log/committer.ts";
import { maintainTable } from "../../../src/delta/log/maintenance.ts";
import { loadTableState, type TableState } from "../../../src/delta/log/table-state.ts";
import type { TransactionDraft } from "../../../src/delta/log/transaction.ts";
import type { ObjectStore } from "../../../src/delta/storage/object-store.ts";
import {
  addFile,
  appendDraft,
  creationDraft,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";

const batches = 6;

type Dice = { next(): number };

/** Numbers in [0, 1) that a seed decides. */
function seededDice(seed: number): Dice {
  let state = seed;
  return {
    next: () => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
    },
  };
}

/** Conditional PUTs fail before or after landing, and reads fail, as the dice say. */
function faulty(store: ObjectStore, dice: Dice): ObjectStore {
  const fail = (): never => {
    throw new CdcDeltaError("store", "timeout", { retryable: true });
  };
  const pause = async (): Promise<void> => {
    for (let i = Math.floor(dice.next() * 4); i > 0; i--) await Promise.resolve();
  };
  return {
    ...store,
    putIfAbsent: async (...call) => {
      await pause();
      const die = dice.next();
      if (die < 0.15) fail();
      const outcome = await store.putIfAbsent(...call);
      await pause();
      if (die < 0.3) fail();
      return outcome;
    },
    get: async (...call) => {
      await pause();
      if (dice.next() < 0.05) fail();
      return await store.get(...call);
    },
  };
}

/** Again until it works, as a pump does that reloads after every trouble. */
async function persist<T>(action: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await action();
    } catch (error) {
      const mayRetry = error instanceof CdcDeltaError && error.retryable && attempt < 100;
      if (!mayRetry) throw error;
    }
  }
}

/** With transactions: gives up early, reloads, and learns from them what it has committed. */
async function transactionalWriter(engine: TestEngine, name: string): Promise<void> {
  let state: TableState | null = null;
  for (let batch = 1; batch <= batches;) {
    state ??= await persist(() => loadTableState(engine, { signal }));
    const applied = Number(state?.transactions.get(name)?.version ?? 0n);
    if (applied >= batch) {
      batch = applied + 1;
      continue;
    }
    const txns = [{ appId: name, version: BigInt(batch) }];
    const draft = { ...draftOf(state, `${name}-${batch}`), txns };
    try {
      const outcome = await commit(engine, state, draft, { signal, attemptsMax: 2 });
      state = outcome.state;
      if (outcome.kind === "committed") await maintainTable(engine, state, { signal });
    } catch (error) {
      if (!(error instanceof CdcDeltaError) || !error.retryable) throw error;
      state = null;
    }
  }
}

/** Without: all it has is the outcome, which must be the truth. */
async function plainWriter(engine: TestEngine, name: string): Promise<void> {
  let state = await persist(() => loadTableState(engine, { signal }));
  for (let batch = 1; batch <= batches;) {
    const draft = draftOf(state, `${name}-${batch}`);
    try {
      const outcome = await commit(engine, state, draft, { signal, attemptsMax: 1000 });
      state = outcome.state;
      if (outcome.kind === "committed") batch += 1;
    } catch (error) {
      if (!(error instanceof CdcDeltaError) || !error.retryable) throw error;
      state = await persist(() => loadTableState(engine, { signal }));
    }
  }
}

/** Every `add` of the log, so that a batch that landed twice is there twice. */
async function committedPaths(store: ObjectStore): Promise<string[]> {
  const paths: string[] = [];
  for await (const { key } of store.list("_delta_log/", { signal })) {
    if (!key.endsWith(".json")) continue;
    for (const action of parseCommit(await store.get(key, { signal }), { source: key })) {
      if (action.kind === "add") paths.push(action.add.path);
    }
  }
  return paths;
}

function draftOf(state: TableState | null, path: string): TransactionDraft {
  const draft = state === null ? creationDraft("unused") : appendDraft("unused");
  return { ...draft, adds: [addFile(path)] };
}

describe.each([
  ["with transactions", transactionalWriter],
  ["without transactions", plainWriter],
])("writers on a faulty store, %s: every batch is there once", (_, writer) => {
  for (let seed = 1; seed <= 40; seed++) {
    test(`seed ${seed}`, async () => {
      let plain: ObjectStore | null = null;
      const engine = testEngine((store) => {
        plain = store;
        return faulty(store, seededDice(seed));
      });
      const names = ["a", "b", "c", "d"];
      await Promise.all(names.map((name) => writer(engine, name)));
      const paths = await committedPaths(plain ?? engine.store);
      const wanted = names.flatMap((name) =>
        Array.from({ length: batches }, (_, i) => `${name}-${i + 1}`)
      );
      expect(paths.toSorted()).toEqual(wanted.toSorted());
    });
  }
});
