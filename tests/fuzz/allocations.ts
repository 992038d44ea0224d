/** The tables that are fuzzed have some kilobytes: nothing that is read of them may need this. */
const bytesMax = 192 << 20;

/** What was to be allocated at once since the last look, where that was too much. */
export type Allocations = { take(): string[] };

type ArrayConstructor = new (...args: never[]) => object;

const watched = [
  "ArrayBuffer",
  "Uint8Array",
  "Int8Array",
  "Uint16Array",
  "Int16Array",
  "Uint32Array",
  "Int32Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
  "Array",
] as const;

/** Puts a watch before the constructors of arrays: what is larger than any table here is refused. */
export function watchAllocations(): Allocations {
  let found: string[] = [];
  for (const name of watched) {
    const original = globalThis[name] as unknown as ArrayConstructor & {
      readonly BYTES_PER_ELEMENT?: number;
    };
    const size = original.BYTES_PER_ELEMENT ?? (name === "Array" ? 8 : 1);
    const check = (args: readonly unknown[]): void => {
      const [length] = args;
      if (typeof length !== "number" || length * size <= bytesMax) return;
      const stack = (new Error().stack ?? "").split("\n").slice(2, 8).join(" ");
      found.push(`${length * size} bytes at once: ${stack}`);
      throw new RangeError(`Out of memory: ${length * size} bytes`);
    };
    const guarded: typeof original = new Proxy(original, {
      construct(target, args: never[], newTarget): object {
        check(args);
        return Reflect.construct(
          target,
          args,
          newTarget === guarded ? target : newTarget,
        ) as object;
      },
    });
    Object.defineProperty(globalThis, name, { value: guarded, configurable: true, writable: true });
  }
  return {
    take() {
      const taken = found;
      found = [];
      return taken;
    },
  };
}
