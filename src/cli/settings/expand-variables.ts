type Env = Readonly<Record<string, string | undefined>>;
type Report = (path: readonly PropertyKey[], message: string, fix: string) => void;

/** `${file:/run/secrets/mongo:uri}`: a reference that somebody else resolves. */
const reference = /^\$\{[A-Za-z_][\w.-]*:(?!-)[^}]*\}$/;

/**
 * Replaces `${NAME}` and `${NAME:-default}` in every text of a config file, after it was parsed, so
 * that a value can never change the file's structure. `$$` stands for `$`. With `keepReferences`,
 * `${provider:…}` stays as it is.
 */
export function expandVariables(
  value: unknown,
  env: Env,
  report: Report,
  { keepReferences = false }: { readonly keepReferences?: boolean } = {},
): unknown {
  return expandAt(value, []);

  function expandAt(node: unknown, path: readonly PropertyKey[]): unknown {
    if (typeof node === "string") return expandText(node, path);
    if (Array.isArray(node)) return node.map((each, i) => expandAt(each, [...path, i]));
    if (typeof node !== "object" || node === null) return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, each]) => [key, expandAt(each, [...path, key])]),
    );
  }

  function expandText(text: string, path: readonly PropertyKey[]): string {
    return text.replace(/\$\$|\$\{([^}]*)\}?/g, (whole, inner: string | undefined) => {
      if (whole === "$$") return "$";
      if (keepReferences && reference.test(whole)) return whole;
      const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inner ?? "");
      if (match === null || !whole.endsWith("}")) {
        report(
          path,
          `"${whole}" is not a variable`,
          "write ${NAME}, ${NAME:-default}, or $$ for $",
        );
        return whole;
      }
      const [, name = "", fallback] = match;
      const found = env[name];
      if (found !== undefined && found !== "") return found;
      if (fallback !== undefined) return fallback;
      report(path, `the variable ${name} is not set`, `set ${name}, or write \${${name}:-default}`);
      return whole;
    });
  }
}
