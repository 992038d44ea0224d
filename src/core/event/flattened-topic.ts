/** Names that a document carries itself; null: it does not. */
export type KnownNames = { readonly db: string | null; readonly collection: string | null };

export type TableNames = { readonly db: string; readonly collection: string };

/**
 * The collection that a topic `<prefix>.<database>.<collection>` belongs to; null when the name does
 * not tell. The collection may have dots, the database cannot; the prefix has none, unless the
 * collection or the database is known. Debezium writes `_` for characters that topics cannot have,
 * so a name that was taken from a topic may differ from the collection's own.
 */
export function tableOfTopic(topic: string, known: KnownNames): TableNames | null {
  const { db, collection } = known;
  if (collection !== null) {
    const end = `.${topicText(collection)}`;
    if (!topic.endsWith(end)) return null;
    const above = topic.slice(0, -end.length);
    const found = above.slice(above.lastIndexOf(".") + 1);
    return above.includes(".") && found !== "" ? { db: found, collection } : null;
  }
  const prefixEnd = topic.indexOf(".");
  const dbEnd = topic.indexOf(".", prefixEnd + 1);
  if (prefixEnd < 1 || dbEnd < 0) return null;
  if (db !== null) {
    const middle = `.${topicText(db)}.`;
    const at = topic.indexOf(middle, 1);
    const rest = at < 0 ? "" : topic.slice(at + middle.length);
    return rest === "" ? null : { db, collection: rest };
  }
  const found = topic.slice(prefixEnd + 1, dbEnd);
  const rest = topic.slice(dbEnd + 1);
  return found === "" || rest === "" ? null : { db: found, collection: rest };
}

/** A name as it stands in a topic's. */
function topicText(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, "_");
}
