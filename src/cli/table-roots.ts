import type { CollectionOverride, Settings } from "./settings/settings.ts";

/** A folder below which tables may lie, and how deep. */
export type TableFolder = { readonly uri: string; readonly depth: number };

/** All folders that the templates of table paths lead to. Pure. */
export function tableRoots(options: {
  readonly settings: Pick<Settings, "tablePath" | "deadLetterPath">;
  readonly collections: readonly CollectionOverride[];
  readonly basePath: string;
}): TableFolder[] {
  const { settings, collections, basePath } = options;
  const templates = [
    settings.tablePath,
    settings.deadLetterPath,
    ...collections.flatMap(({ values }) => values.tablePath ?? []),
  ];
  const roots = new Map<string, number>();
  for (const template of templates) {
    const { uri, depth } = rootOf(template, basePath);
    roots.set(uri, Math.max(depth, roots.get(uri) ?? 0));
  }
  return [...roots].map(([uri, depth]) => ({ uri, depth }));
}

/** Everything before the first segment that has a placeholder is the root. */
function rootOf(template: string, basePath: string): TableFolder {
  const base = basePath.length > 1 ? basePath.replace(/\/+$/, "") : basePath;
  const absolute = template.includes("{base}") || /^([a-z][a-z0-9+.-]*:|\/)/i.test(template);
  const filled = (absolute ? template : `{base}/${template}`).replaceAll("{base}", () => base);
  const segments = filled.split("/");
  // The base path itself may have braces that mean nothing.
  const open = segments.findIndex((segment) => /\{(db|collection)\}/.test(segment));
  if (open === -1) return { uri: filled, depth: 0 };
  const uri = segments.slice(0, open).join("/");
  return { uri: uri === "" ? "/" : uri, depth: segments.length - open };
}
