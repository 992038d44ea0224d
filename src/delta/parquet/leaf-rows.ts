import type { LeafData } from "./chunk-reader.ts";
import type { FileNode } from "./file-schema.ts";
import type { PhysicalValues } from "./physical-values.ts";
import { readFailure } from "./read-failure.ts";

/** A leaf's entries, taken by rows although pages may end anywhere. */
export type LeafRows = {
  /** Rows left in the page that is open; 0: none is, or they are not told apart (repeated leaves). */
  pageRows(): Promise<number>;
  /** The entries of the next `rows` rows. Errors: `parquet` when there are fewer. */
  take(rows: number): Promise<LeafData>;
};

/** The rows of a leaf whose pages are these. */
export function leafRows(pages: AsyncGenerator<LeafData>, node: FileNode): LeafRows {
  let page: LeafData | null = null;
  /** Entries and values of the page that were taken. */
  let [entry, value] = [0, 0];
  const open = async (): Promise<LeafData | null> => {
    if (page !== null && entry < page.entries) return page;
    const next = await pages.next();
    [page, entry, value] = [next.done === true ? null : next.value, 0, 0];
    return page;
  };
  const cut = (from: LeafData, end: number): LeafData => {
    const present = presentIn(from, entry, end, node.maxDefinition);
    const part: LeafData = {
      entries: end - entry,
      definition: from.definition?.subarray(entry, end) ?? null,
      repetition: from.repetition?.subarray(entry, end) ?? null,
      values: valuesIn(from.values, value, value + present),
      present,
    };
    [entry, value] = [end, value + present];
    return part;
  };
  return {
    async pageRows() {
      const now = await open();
      return now === null || now.repetition !== null ? 0 : now.entries - entry;
    },
    async take(rows) {
      const parts: LeafData[] = [];
      let taken = 0;
      for (;;) {
        const now = await open();
        if (now === null) break;
        const found = rowsFrom(now.repetition, entry, now.entries, rows - taken);
        taken += found.rows;
        if (found.end > entry) parts.push(cut(now, found.end));
        if (found.isComplete || (taken === rows && now.repetition === null)) break;
      }
      if (taken < rows) throw readFailure("a column chunk has fewer rows than its row group");
      return parts.length === 1 ? parts[0]! : joinParts(parts, node);
    },
  };
}

/** Where `wanted` rows end; complete when the row after them is seen to begin. */
function rowsFrom(
  repetition: Uint8Array | null,
  from: number,
  entries: number,
  wanted: number,
): { readonly rows: number; readonly end: number; readonly isComplete: boolean } {
  if (repetition === null) {
    const rows = Math.min(wanted, entries - from);
    return { rows, end: from + rows, isComplete: false };
  }
  let rows = 0;
  for (let end = from; end < entries; end++) {
    if (repetition[end] !== 0) continue;
    if (rows === wanted) return { rows, end, isComplete: true };
    rows += 1;
  }
  return { rows, end: entries, isComplete: false };
}

function presentIn(
  { definition }: LeafData,
  from: number,
  end: number,
  maxDefinition: number,
): number {
  if (definition === null) return end - from;
  let present = 0;
  for (let i = from; i < end; i++) if (definition[i] === maxDefinition) present += 1;
  return present;
}

function valuesIn(values: PhysicalValues, from: number, end: number): PhysicalValues {
  switch (values.kind) {
    case "boolean":
      return { kind: values.kind, values: values.values.subarray(from, end) };
    case "int32":
      return { kind: values.kind, values: values.values.subarray(from, end) };
    case "int64":
      return { kind: values.kind, values: values.values.subarray(from, end) };
    case "float":
      return { kind: values.kind, values: values.values.subarray(from, end) };
    case "double":
      return { kind: values.kind, values: values.values.subarray(from, end) };
    case "fixed": {
      const { kind, width, data } = values;
      return { kind, width, data: data.subarray(from * width, end * width) };
    }
    case "bytes": {
      const base = values.offsets[from]!;
      const offsets = values.offsets.slice(from, end + 1);
      if (base > 0) { for (let i = 0; i < offsets.length; i++) offsets[i]! -= base; }
      return { kind: "bytes", offsets, data: values.data.subarray(base, values.offsets[end]) };
    }
  }
}

function joinParts(parts: readonly LeafData[], node: FileNode): LeafData {
  const entries = parts.reduce((sum, part) => sum + part.entries, 0);
  const present = parts.reduce((sum, part) => sum + part.present, 0);
  const levels = (levelsOf: (part: LeafData) => Uint8Array | null, all: number): Uint8Array => {
    const joined = new Uint8Array(entries).fill(all);
    let at = 0;
    for (const part of parts) {
      const own = levelsOf(part);
      if (own !== null) joined.set(own, at);
      at += part.entries;
    }
    return joined;
  };
  return {
    entries,
    definition: present === entries
      ? null
      : levels(({ definition }) => definition, node.maxDefinition),
    repetition: node.maxRepetition === 0 ? null : levels(({ repetition }) => repetition, 0),
    values: joinValues(parts.map(({ values }) => values), node),
    present,
  };
}

/** Parts of one leaf are of one kind. */
function joinValues(parts: readonly PhysicalValues[], node: FileNode): PhysicalValues {
  const [first] = parts;
  if (first === undefined) throw readFailure(`column '${node.name}' has no page`);
  const { kind } = first;
  const same = <Kind extends PhysicalValues["kind"]>(
    wanted: Kind,
  ): Extract<PhysicalValues, { readonly kind: Kind }>[] =>
    parts.filter((part): part is Extract<PhysicalValues, { readonly kind: Kind }> =>
      part.kind === wanted
    );
  switch (kind) {
    case "boolean":
      return {
        kind,
        values: joined(same(kind).map((part) => part.values), (n) => new Uint8Array(n)),
      };
    case "int32":
      return {
        kind,
        values: joined(same(kind).map((part) => part.values), (n) => new Int32Array(n)),
      };
    case "int64": {
      const values = same(kind).map((part) => part.values);
      return { kind, values: joined(values, (n) => new BigInt64Array(n)) };
    }
    case "float": {
      const values = same(kind).map((part) => part.values);
      return { kind, values: joined(values, (n) => new Float32Array(n)) };
    }
    case "double": {
      const values = same(kind).map((part) => part.values);
      return { kind, values: joined(values, (n) => new Float64Array(n)) };
    }
    case "fixed": {
      const data = joined(same(kind).map((part) => part.data), (n) => new Uint8Array(n));
      return { kind, width: first.width, data };
    }
    case "bytes":
      return joinBytes(same(kind));
  }
}

type Joinable<T> = { readonly length: number; set(values: T, at: number): void };

function joined<T extends Joinable<T>>(parts: readonly T[], make: (length: number) => T): T {
  const all = make(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function joinBytes(
  parts: readonly (PhysicalValues & { readonly kind: "bytes" })[],
): PhysicalValues {
  const count = parts.reduce((sum, { offsets }) => sum + offsets.length - 1, 0);
  const offsets = new Int32Array(count + 1);
  const sizes = parts.map((part) => part.offsets.at(-1) ?? 0);
  const size = sizes.reduce((sum, one) => sum + one, 0);
  if (size > 0x7fffffff) throw readFailure("some rows of a column exceed 2 GiB");
  const data = new Uint8Array(size);
  let [row, end] = [0, 0];
  for (const [i, part] of parts.entries()) {
    data.set(part.data.subarray(0, sizes[i]), end);
    for (let at = 1; at < part.offsets.length; at++) offsets[++row] = end + part.offsets[at]!;
    end += sizes[i]!;
  }
  return { kind: "bytes", offsets, data };
}
