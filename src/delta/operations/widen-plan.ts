import type { AddFile } from "../log/actions.ts";
import type { TableState } from "../log/table-state.ts";
import type { TransactionDraft } from "../log/transaction.ts";
import type { StructType } from "../schema/data-type.ts";
import type { TypeChange } from "../schema/merge-schema.ts";
import { typeName } from "../schema/type-name.ts";

export type WidenOptions = {
  /** `rewrite`: new files. `feature`: PROTOCOL.md, "Type Widening". `off`: refuse. */
  readonly strategy: "rewrite" | "feature" | "off";
  /** Tables with more bytes in their files are not rewritten. */
  readonly bytesMax: number;
  readonly signal: AbortSignal;
};

/** What became of a file (by its path) under a schema (as JSON). */
export type Rewritten = Map<
  string,
  { readonly schemaJson: string; readonly adds: readonly AddFile[] }
>;

export type WidenRequest = WidenOptions & {
  /** What earlier attempts rewrote. */
  readonly rewritten: Rewritten;
  readonly schema: StructType;
  readonly changes: readonly TypeChange[];
};

/** `state` is the newest one known; with `widened` its schema has the new types. */
export type WidenOutcome =
  | { readonly kind: "widened"; readonly state: TableState }
  | { readonly kind: "refused"; readonly why: string; readonly state: TableState };

/** A widening that is ready to be committed, or the outcome without a commit. */
export type WidenPlan =
  | { readonly kind: "ready"; readonly base: TableState; readonly draft: TransactionDraft }
  | WidenOutcome;

/** `operationParameters` that name the changed columns. */
export function changeParameters(changes: readonly TypeChange[]): Readonly<Record<string, string>> {
  const columns = changes.map(({ path, from, to }) => ({
    column: path,
    from: typeName(from),
    to: typeName(to),
  }));
  return { columns: JSON.stringify(columns) };
}
