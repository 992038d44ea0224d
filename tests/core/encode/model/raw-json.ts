/** JSON as a tree that keeps how numbers were written; bare NaN and infinities count as numbers. */
export type Raw =
  | { readonly kind: "number"; readonly text: string }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "literal"; readonly value: true | false | null }
  | { readonly kind: "array"; readonly items: readonly Raw[] }
  | { readonly kind: "object"; readonly members: readonly (readonly [string, Raw])[] };

/** A slow recursive reader: strings are left to `JSON.parse`, everything else is by regex. */
export function parseRaw(text: string): Raw {
  let at = 0;
  const space = () => at += /^[ \t\r\n]*/.exec(text.slice(at))![0].length;
  const take = (pattern: RegExp): string => {
    const found = pattern.exec(text.slice(at, at + 100_000));
    if (found === null) throw new Error(`Not JSON at ${at}: ${text.slice(at, at + 20)}`);
    at += found[0].length;
    return found[0];
  };
  const string = () => JSON.parse(take(/^"(?:[^"\\]|\\.)*"/)) as string;
  const value = (): Raw => {
    space();
    const c = text[at];
    if (c === '"') return { kind: "string", value: string() };
    if (c === "{") return { kind: "object", members: list("}", member) };
    if (c === "[") return { kind: "array", items: list("]", value) };
    const literal = /^(?:true|false|null)/.exec(text.slice(at, at + 5))?.[0];
    if (literal !== undefined) {
      at += literal.length;
      return { kind: "literal", value: JSON.parse(literal) as boolean | null };
    }
    const number = /^(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|NaN|-?Infinity)/;
    return { kind: "number", text: take(number) };
  };
  const member = (): readonly [string, Raw] => {
    space();
    const name = string();
    space();
    take(/^:/);
    return [name, value()];
  };
  function list<T>(end: string, one: () => T): T[] {
    at++;
    space();
    const items: T[] = [];
    if (text[at] === end) {
      at++;
      return items;
    }
    for (;;) {
      items.push(one());
      space();
      if (take(/^[,\]}]/) === end) return items;
    }
  }
  const parsed = value();
  space();
  if (at !== text.length) throw new Error(`Text after JSON at ${at}`);
  return parsed;
}
