import { resolve } from "node:path";
import { CdcDeltaError, messageOf } from "../../errors.ts";

/** Where a table or a base path is. `prefix` has no slash at either end and may be empty. */
export type TableUri =
  | { readonly kind: "local"; readonly path: string }
  | { readonly kind: "s3"; readonly bucket: string; readonly prefix: string };

/**
 * Reads a plain path, a `file:` URI (percent-decoded), or `s3://bucket/prefix` (also `s3a://`;
 * taken letter by letter, as object keys are). Throws code `usage`.
 */
export function parseTableUri(text: string): TableUri {
  if (text.trim() === "") throw wrongUri(text, "it is empty");
  if (text.includes("\0")) throw wrongUri(text, "it has a NUL character");
  if (/^file:/i.test(text)) return { kind: "local", path: pathOfFileUri(text) };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return { kind: "local", path: resolve(text) };
  if (scheme !== "s3" && scheme !== "s3a") {
    throw wrongUri(text, `there is no store for "${scheme}://"`);
  }
  return s3Uri(text, text.slice(scheme.length + "://".length));
}

/** The inverse of `parseTableUri`, for messages. */
export function formatTableUri(uri: TableUri): string {
  switch (uri.kind) {
    case "local":
      return uri.path;
    case "s3":
      return `s3://${uri.bucket}${uri.prefix === "" ? "" : `/${uri.prefix}`}`;
  }
}

function pathOfFileUri(text: string): string {
  const match = /^file:(?:\/\/([^/]*))?(\/.*)$/i.exec(text);
  const host = match?.[1] ?? "";
  if (match === null) throw wrongUri(text, "a file: URI needs an absolute path (file:///data)");
  if (host !== "" && host.toLowerCase() !== "localhost") {
    throw wrongUri(text, `a file: URI cannot name the host "${host}" (write file:///path)`);
  }
  try {
    const path = decodeURIComponent(match[2] ?? "/");
    if (path.includes("\0")) throw new Error("a NUL character");
    return resolve(path);
  } catch (error) {
    throw wrongUri(text, `its percent-encoding cannot be read (${messageOf(error)})`);
  }
}

function s3Uri(text: string, rest: string): TableUri {
  const slash = rest.indexOf("/");
  const bucket = slash === -1 ? rest : rest.slice(0, slash);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(bucket)) {
    throw wrongUri(text, "what follows s3:// is no bucket name");
  }
  const prefix = slash === -1 ? "" : rest.slice(slash).replace(/^\/+|\/+$/g, "");
  const isPath = prefix === "" ||
    prefix.split("/").every((segment) => !["", ".", ".."].includes(segment));
  if (!isPath) throw wrongUri(text, `"${prefix}" has an empty, "." or ".." segment`);
  return { kind: "s3", bucket, prefix };
}

function wrongUri(text: string, problem: string): CdcDeltaError {
  const shown = text.replace(/\/\/[^/@]*@/, "//***@");
  return new CdcDeltaError(
    "usage",
    `Cannot use ${JSON.stringify(shown)} as a table location: ${problem}. ` +
      `Give a folder (/data/lake), a file: URI or s3://bucket/prefix`,
  );
}
