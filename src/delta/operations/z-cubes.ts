import type { AddFile } from "../log/actions.ts";
import type { RowOrder } from "./order-columns.ts";

/** An order with its columns as the schema writes them. */
export type CubeOrder = RowOrder;

/** Which files of a table are put into order; all of them are looked at before any is taken. */
export type CubeChoice = {
  /** Looks at a file of a partition. */
  survey(partition: string, file: AddFile): void;
  /** Whether a file of a partition is taken. */
  takes(partition: string, file: AddFile): boolean;
};

/** Spark's names of the tags of files whose rows were put into Z-order together. */
const zCubeTags = { id: "ZCUBE_ID", columns: "ZCUBE_ZORDER_BY", curve: "ZCUBE_ZORDER_CURVE" };
const zCurve = "zorder";
/** Ours for rows that were sorted together; Spark has no such thing. */
const sortTags = { id: "CDCDELTA_SORT_ID", columns: "CDCDELTA_SORT_BY" };

/** The tags of files whose rows were put into order together. Pure. */
export function cubeTags({ kind, columns }: CubeOrder, id: string): Record<string, string> {
  const text = JSON.stringify(columns);
  return kind === "sort"
    ? { [sortTags.id]: id, [sortTags.columns]: text }
    : { [zCubeTags.id]: id, [zCubeTags.columns]: text, [zCubeTags.curve]: zCurve };
}

/** What a file was put into order with; null: it was not, or by another order. */
function cubeOf({ kind, columns }: CubeOrder, { tags = {} }: AddFile): string | null {
  const names = kind === "sort" ? sortTags : zCubeTags;
  if (tags[names.columns] !== JSON.stringify(columns)) return null;
  if (kind === "z-order" && tags[zCubeTags.curve] !== zCurve) return null;
  return tags[names.id] ?? null;
}

type Partition = { fresh: number; readonly cubes: Map<string, number> };

/** What is new has to be this part of a cube before the cube is worth being written again. */
const freshPartMin = 0.1;

/**
 * Files that are not in order are taken, and with them cubes (files that were put into order
 * together) that are not large yet, the smallest first, as long as what is taken is a tenth of the
 * next one: so a row is written again a bounded number of times however often an optimize runs, and
 * one without anything new finds nothing to do. A cube of half the largest size is done with.
 */
export function cubeChoice(
  order: CubeOrder,
  rules: { readonly cubeBytesMax: number; readonly isWorn: (file: AddFile) => boolean },
): CubeChoice {
  const partitions = new Map<string, Partition>();
  const chosen = new Map<string, ReadonlySet<string>>();
  const settled = (file: AddFile): string | null => rules.isWorn(file) ? null : cubeOf(order, file);
  return {
    survey(name, file) {
      let partition = partitions.get(name);
      if (partition === undefined) {
        partition = { fresh: 0, cubes: new Map() };
        partitions.set(name, partition);
      }
      const cube = settled(file);
      if (cube === null) partition.fresh += file.size;
      else partition.cubes.set(cube, (partition.cubes.get(cube) ?? 0) + file.size);
    },
    takes(name, file) {
      const cube = settled(file);
      if (cube === null) return true;
      let cubes = chosen.get(name);
      if (cubes === undefined) {
        cubes = chooseCubes(partitions.get(name), rules.cubeBytesMax);
        chosen.set(name, cubes);
      }
      return cubes.has(cube);
    },
  };
}

function chooseCubes(partition: Partition | undefined, cubeBytesMax: number): Set<string> {
  const taken = new Set<string>();
  if (partition === undefined || partition.fresh === 0) return taken;
  let bytes = partition.fresh;
  const bySize = [...partition.cubes].sort(([, a], [, b]) => a - b);
  for (const [cube, size] of bySize) {
    if (size >= cubeBytesMax / 2 || bytes < size * freshPartMin) break;
    taken.add(cube);
    bytes += size;
  }
  return taken;
}
