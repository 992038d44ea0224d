import { deadLetterTable, type TableKey } from "../core/encode/encode-job.ts";
import { CdcDeltaError } from "../errors.ts";
import type {
  CollectionKey,
  CollectionOverride,
  Settings,
  SettingValue,
} from "./settings/settings.ts";

/** What the settings say about one collection. */
export type CollectionValues = { readonly [K in CollectionKey]: SettingValue<K> };

/** The settings of a collection: those of the first pattern that matches it, else the general ones. */
export function collectionValues(
  settings: Settings,
  collections: readonly CollectionOverride[],
  key: TableKey,
): CollectionValues {
  const override = collections.find(({ pattern }) => wholeMatch(pattern, key));
  return withOverride(settings, override);
}

/** The general settings with those of one pattern laid over them. */
export function withOverride(
  settings: Settings,
  override: CollectionOverride | undefined,
): CollectionValues {
  const values = override?.values ?? {};
  return {
    tablePath: values.tablePath ?? settings.tablePath,
    partitionBy: values.partitionBy ?? settings.partitionBy,
    columnTypes: { ...settings.columnTypes, ...values.columnTypes },
    includeFields: values.includeFields ?? settings.includeFields,
    excludeFields: values.excludeFields ?? settings.excludeFields,
    mask: { ...settings.mask, ...values.mask },
    rename: { ...settings.rename, ...values.rename },
    properties: { ...settings.properties, ...values.properties },
    keepDocument: values.keepDocument ?? settings.keepDocument,
    keepTransactionId: values.keepTransactionId ?? settings.keepTransactionId,
    decimals: values.decimals ?? settings.decimals,
    columnsMax: values.columnsMax ?? settings.columnsMax,
    depthMax: values.depthMax ?? settings.depthMax,
  };
}

/**
 * Finds the location of each table and refuses two collections that would share one: their rows and
 * positions would mix.
 */
export function tableLocator(options: {
  readonly settings: Settings;
  readonly collections: readonly CollectionOverride[];
  readonly basePath: string;
}): (key: TableKey) => string {
  const { settings, collections, basePath } = options;
  const owners = new Map<string, TableKey>();
  return (key) => {
    const template = key === deadLetterTable
      ? settings.deadLetterPath
      : collectionValues(settings, collections, key).tablePath;
    const uri = fillTemplate(template, key, basePath);
    const owner = owners.get(uri);
    if (owner !== undefined && owner !== key) {
      throw new CdcDeltaError(
        "usage",
        `Cannot write both ${owner} and ${key} into ${uri}: a table takes one collection. Use ` +
          "{db} and {collection} in --table-path",
        { context: { table: uri } },
      );
    }
    owners.set(uri, key);
    return uri;
  };
}

/** The location of a collection's table. Pure. */
export function fillTemplate(template: string, key: TableKey, basePath: string): string {
  const dot = key.indexOf(".");
  const db = dot < 0 ? key : key.slice(0, dot);
  const collection = dot < 0 ? key : key.slice(dot + 1);
  const base = basePath.length > 1 ? basePath.replace(/\/+$/, "") : basePath;
  const filled = template.replace(/\{(base|db|collection)\}/g, (_, name: string) => {
    if (name === "base") return base;
    return pathSegment(name === "db" ? db : collection);
  });
  // A template without {base} is relative to it, unless it is a location of its own.
  if (template.includes("{base}") || /^([a-z][a-z0-9+.-]*:|\/)/i.test(template)) return filled;
  return `${base}/${filled}`;
}

/** Names that mean something else in a base path or in a table. */
const takenNames = /^_(?=(?:delta_log|cdcdelta|dead_letters)$)/;
const oddCharacters = /[\p{Cc}/\\:*?"<>|#%{}=]|@(?=[0-9A-F]{2})/gu;

/**
 * A name as one folder; no two names give the same. What file systems or readers could misread is
 * written as `@` and two hex digits: percent-encoding would not do, because delta-rs, DuckDB and
 * Polars decode it in the location of a table and look elsewhere.
 */
function pathSegment(name: string): string {
  const escaped = (char: string): string =>
    `@${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  if (/^\.+$/.test(name)) return name.replaceAll(".", escaped);
  return name.replace(oddCharacters, escaped).replace(takenNames, escaped);
}

function wholeMatch(pattern: string, key: TableKey): boolean {
  return new RegExp(`^(?:${pattern})$`, "u").test(key);
}
