import type { DecodeRules, MaskMode } from "./decode-rules.ts";

/** What stands in place of a value. */
export type MaskDone = Exclude<MaskMode, "none">;

/** Masked paths as a tree of names. */
type MaskNode = { readonly below: Map<string, MaskNode>; mode: MaskDone | null };

/** The places among masked paths that a field stands at; empty: nothing below it is masked. */
export type MaskPlaces = readonly MaskNode[];

/** Nothing is masked. */
export const noMasks: MaskPlaces = [];

/** What a field is masked with, and the places of what is below it. */
export type MaskStep = { readonly mode: MaskDone | null; readonly below: MaskPlaces };

const unmasked: MaskStep = { mode: null, below: noMasks };

/** True when a collection has masked fields. */
export function hasMasks({ mask }: Pick<DecodeRules, "mask">): boolean {
  return Object.values(mask).some((mode) => mode !== "none");
}

/** The root of a collection's masked paths. */
export function maskPlaces(rules: Pick<DecodeRules, "mask">): MaskPlaces {
  if (!hasMasks(rules)) return noMasks;
  const root: MaskNode = { below: new Map(), mode: null };
  for (const [path, mode] of Object.entries(rules.mask)) {
    if (mode === "none") continue;
    let node = root;
    for (const name of path.split(".")) {
      const known = node.below.get(name);
      const next: MaskNode = known ?? { below: new Map(), mode: null };
      if (known === undefined) node.below.set(name, next);
      node = next;
    }
    node.mode = mode;
  }
  return [root];
}

/** Array indices as the paths of updates have them, and as arrays that became documents do. */
const arrayIndex = /^_?\d+$/;

/**
 * The step from a document's place to its field `name`. A name with dots is taken as a path: so
 * updates name what they change. A number in it may be an index, which masked paths leave out.
 */
export function maskStep(places: MaskPlaces, name: string): MaskStep {
  if (places.length === 0) return unmasked;
  let current = places;
  for (const part of name.split(".")) {
    const next: MaskNode[] = [];
    for (const node of current) {
      const found = node.below.get(part);
      if (found !== undefined) next.push(found);
      if (arrayIndex.test(part)) next.push(node);
    }
    const modes = next.map(({ mode }) => mode);
    if (modes.includes("redact")) return { mode: "redact", below: noMasks };
    if (modes.includes("hash")) return { mode: "hash", below: noMasks };
    if (next.length === 0) return unmasked;
    current = next;
  }
  return { mode: null, below: current };
}
