import { assert } from "../../errors.ts";
import type { BytesColumn, Column } from "../columns/column.ts";
import { textAt, valueAt } from "../columns/column-value.ts";
import type { StructField } from "../schema/data-type.ts";
import { type ActionObject, asActionObject, badAction } from "./action-fields.ts";
import { readAdd } from "./action-parts.ts";
import type { AddFile, PartitionValues } from "./actions.ts";
import { addColumn } from "./checkpoint-schema.ts";

/** The rows that have an action in this column, as objects. Errors: `log-corrupt`. */
export function* presentRows(
  column: Column | undefined,
  field: StructField | undefined,
): Generator<ActionObject> {
  assert(column !== undefined && field !== undefined, "a batch has the columns asked for");
  if (column.kind === "null") return;
  for (let row = 0; row < column.length; row++) {
    if (column.valid[row] === 1) yield asActionObject(valueAt(column, field.type, row), field.name);
  }
}

/** The `add` actions of a checkpoint's column, in order. Errors: `log-corrupt`. */
export type AddReader = (column: Column | undefined) => AddFile[];

const addField = addColumn({ stats: true });

/**
 * Reads `add` columns of one checkpoint. Most adds have no more than the members that every writer
 * writes: those are taken from their columns directly, as a table may have a million. Files of one
 * partition share one object for its values.
 */
export function addReader(): AddReader {
  const intern = partitionValuesPool();
  return (column) => {
    assert(column !== undefined, "a batch has the columns asked for");
    if (column.kind === "null") return [];
    const plain = plainAdds(column, intern);
    const adds: AddFile[] = [];
    for (let row = 0; row < column.length; row++) {
      if (column.valid[row] !== 1) continue;
      const add = plain(row);
      if (add !== null) adds.push(add);
      else {
        const read = readAdd(asActionObject(valueAt(column, addField.type, row), "add"));
        adds.push({ ...read, partitionValues: intern(read.partitionValues) });
      }
    }
    return adds;
  };
}

type Pool = (values: PartitionValues) => PartitionValues;

/** A large table has far fewer partitions than files. */
function partitionValuesPool(): Pool {
  const pool = new Map<string, PartitionValues>();
  return (values) => {
    const key = JSON.stringify(values);
    const known = pool.get(key);
    if (known !== undefined) return known;
    pool.set(key, values);
    return values;
  };
}

/** An add by its row; null for one that has other members, or lacks some, or is damaged. */
function plainAdds(column: Column, intern: Pool): (row: number) => AddFile | null {
  assert(column.kind === "struct" && addField.type.kind === "struct", "an add is a struct");
  const { children } = column;
  const childOf = (name: string): Column => {
    assert(addField.type.kind === "struct", "an add is a struct");
    return children[addField.type.fields.findIndex((field) => field.name === name)]!;
  };
  const [path, size, time] = [childOf("path"), childOf("size"), childOf("modificationTime")];
  const [change, stats] = [childOf("dataChange"), childOf("stats")];
  const rare = ["tags", "deletionVector", "baseRowId", "defaultRowCommitVersion"];
  const others = [...rare, "clusteringProvider"].map(childOf)
    .filter((child) => child.kind !== "null");
  const partitionValues = partitionValuesOf(childOf("partitionValues"), intern);
  if (path.kind !== "bytes" || size.kind !== "int64" || time.kind !== "int64") return () => null;
  if (change.kind !== "boolean") return () => null;
  return (row) => {
    const isPlain = path.valid[row] === 1 && size.valid[row] === 1 && time.valid[row] === 1 &&
      change.valid[row] === 1 && others.every((other) => other.valid[row] !== 1);
    if (!isPlain) return null;
    const add: AddFile = {
      path: textAt(path, row),
      partitionValues: partitionValues(row),
      size: exactly(size.values[row]!, "size"),
      modificationTime: exactly(time.values[row]!, "modificationTime"),
      dataChange: change.values[row] === 1,
    };
    if (stats.kind !== "bytes" || stats.valid[row] !== 1) return add;
    return { ...add, stats: textAt(stats, row) };
  };
}

function exactly(value: bigint, name: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw badAction(`"${name}" is out of range: ${value}`);
  return number;
}

/** The partition values of a row; those of the row before are often the same. */
function partitionValuesOf(column: Column, intern: Pool): (row: number) => PartitionValues {
  const none = intern({});
  if (column.kind !== "map") return () => none;
  const { key, value, offsets, valid } = column;
  if (key.kind !== "bytes" || (value.kind !== "bytes" && value.kind !== "null")) {
    throw badAction(`"partitionValues" is no map of strings`);
  }
  let [before, known]: [number, PartitionValues] = [-1, none];
  const isSame = (row: number): boolean => {
    const [from, old] = [offsets[row]!, offsets[before]!];
    const count = offsets[row + 1]! - from;
    if (count !== offsets[before + 1]! - old) return false;
    for (let i = 0; i < count; i++) {
      if (!isSameText(key, from + i, old + i)) return false;
      if (value.kind === "bytes" && !isSameText(value, from + i, old + i)) return false;
    }
    return true;
  };
  return (row) => {
    if (valid[row] !== 1) return none;
    if (before >= 0 && isSame(row)) return known;
    const entries: [string, string | null][] = [];
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) {
      if (key.valid[i] !== 1) throw badAction(`"partitionValues" has a member without a name`);
      const isNull = value.kind === "null" || value.valid[i] !== 1;
      entries.push([textAt(key, i), isNull ? null : textAt(value, i)]);
    }
    [before, known] = [row, intern(Object.fromEntries(entries))];
    return known;
  };
}

function isSameText({ valid, offsets, data }: BytesColumn, a: number, b: number): boolean {
  if (valid[a] !== valid[b]) return false;
  const length = offsets[a + 1]! - offsets[a]!;
  if (length !== offsets[b + 1]! - offsets[b]!) return false;
  for (let i = 0; i < length; i++) {
    if (data[offsets[a]! + i] !== data[offsets[b]! + i]) return false;
  }
  return true;
}
