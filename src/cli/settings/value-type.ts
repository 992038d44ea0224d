import { z } from "zod";
import type { JsonValue } from "../../delta/schema/data-type.ts";

/** What reading a setting's text or config-file value gives. */
export type Reading<T> =
  | { readonly kind: "value"; readonly value: T }
  | { readonly kind: "invalid"; readonly message: string; readonly fix: string };

/** How a setting is written by people and what it becomes. */
export type ValueType<T> = {
  /** Reads text (flag, environment) and config-file values alike; problems carry `params.fix`. */
  readonly schema: z.ZodType<T>;
  /** `<size>` in help; empty for a toggle, which takes no value. */
  readonly placeholder: string;
  /** For the documentation: what may be written. */
  readonly form: string;
  /** A toggle is `--flag` and `--no-flag`; a repeatable flag collects its values. */
  readonly arity: "one" | "toggle" | "repeatable";
  /** The value as a config file would hold it; reading it again gives the same value. */
  show(value: T): JsonValue;
};

type ValueTypeSpec<T> = {
  readonly placeholder: string;
  readonly form: string;
  readonly arity?: "one" | "toggle" | "repeatable";
  read(input: unknown): Reading<T>;
  show(value: T): JsonValue;
};

/** A value type from its reader; the zod schema follows from it. */
export function valueType<T>(spec: ValueTypeSpec<T>): ValueType<T> {
  const schema = z.unknown().transform((input, context): T => {
    const reading = spec.read(input);
    if (reading.kind === "value") return reading.value;
    context.addIssue({
      code: "custom",
      message: reading.message,
      params: { fix: reading.fix },
      input,
    });
    return z.NEVER;
  });
  return {
    schema,
    placeholder: spec.placeholder,
    form: spec.form,
    arity: spec.arity ?? "one",
    show: (value) => spec.show(value),
  };
}

/** A reading that worked. */
export function ok<T>(value: T): Reading<T> {
  return { kind: "value", value };
}

/** A reading that did not: what is wrong and what to write instead. */
export function invalid<T>(message: string, fix: string): Reading<T> {
  return { kind: "invalid", message, fix };
}

/** A value quoted for a message, cut to a readable length. */
export function quote(input: unknown): string {
  const text = typeof input === "string" ? input : JSON.stringify(input) ?? String(input);
  const cut = text.length > 80 ? `${text.slice(0, 77)}...` : text;
  return typeof input === "string" ? `"${cut}"` : cut;
}
