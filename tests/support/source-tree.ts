import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { projectRoot } from "./project-root.ts";
import { API } from "typescript/unstable/async";
import { type Node, type SourceFile, SyntaxKind } from "typescript/unstable/ast";

/** Files of the project, `/`-separated: those git knows or would add; without git, all of them. */
export function projectFiles(): string[] {
  const git = spawnSync("git", ["ls-files", "-co", "--exclude-standard"], {
    cwd: projectRoot,
    encoding: "utf8",
  });
  const files = git.status === 0 ? git.stdout.split("\n").filter((file) => file !== "") : walk("");
  return files.filter((file) => existsSync(path.join(projectRoot, file))).sort();
}

function walk(folder: string): string[] {
  const ignored = ["node_modules", "dist", ".git"];
  return readdirSync(path.join(projectRoot, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (!entry.isDirectory()) return [file];
    return ignored.includes(entry.name) ? [] : walk(file);
  });
}

export function readProjectFile(file: string): string {
  return readFileSync(path.join(projectRoot, file), "utf8");
}

/** What the rules need to know of one source file. */
export type SourceFacts = {
  readonly file: string;
  readonly text: string;
  readonly lines: number;
  /** Module specifiers, type-only and dynamic imports included. */
  readonly imports: readonly string[];
  readonly functions: readonly {
    readonly name: string;
    readonly line: number;
    readonly ownLines: number;
  }[];
  readonly undocumentedExports: readonly string[];
  readonly defaultExport: boolean;
};

/** Parses files with TypeScript's own parser. */
export async function parseSources(files: readonly string[]): Promise<SourceFacts[]> {
  const api = new API({ cwd: projectRoot });
  try {
    const snapshot = await api.updateSnapshot({
      openProjects: [path.join(projectRoot, "tsconfig.json")],
    });
    const program = snapshot.getProjects()[0]?.program;
    const facts: SourceFacts[] = [];
    for (const file of files) {
      const source = await program?.getSourceFile(path.join(projectRoot, file));
      if (source === undefined) throw new Error(`tsconfig.json does not take in ${file}`);
      facts.push(factsOf(file, source));
    }
    return facts;
  } finally {
    await api.close();
  }
}

function factsOf(file: string, source: SourceFile): SourceFacts {
  const { text } = source;
  const imports: string[] = [];
  const functions: { name: string; line: number; ownLines: number }[] = [];
  // Lines of a function without those of functions inside it: a factory that returns an object of
  // functions is no longer than what it does itself.
  const visit = (node: Node): number => {
    collectImport(node, imports);
    let inner = 0;
    node.forEachChild((child) => {
      inner += visit(child);
      return undefined;
    });
    if (!isFunction(node)) return inner;
    const start = lineAt(text, node.getStart(source));
    const lines = lineAt(text, node.end) - start + 1;
    functions.push({ name: nameOf(node, source), line: start, ownLines: lines - inner });
    return lines > 1 ? lines - 1 : 0;
  };
  visit(source);
  return {
    file,
    text,
    lines: text.trimEnd().split("\n").length,
    imports,
    functions,
    undocumentedExports: undocumentedExports(source),
    defaultExport: /^export default\b/m.test(text),
  };
}

function collectImport(node: Node, imports: string[]): void {
  const moduleSpecifier = (node as { moduleSpecifier?: Node & { text?: string } }).moduleSpecifier;
  if (moduleSpecifier?.text !== undefined) imports.push(moduleSpecifier.text);
  const call = node as { expression?: Node; arguments?: readonly (Node & { text?: string })[] };
  if (
    node.kind === SyntaxKind.CallExpression && call.expression?.kind === SyntaxKind.ImportKeyword
  ) {
    const target = call.arguments?.[0]?.text;
    if (target !== undefined) imports.push(target);
  }
}

const functionKinds: readonly SyntaxKind[] = [
  SyntaxKind.FunctionDeclaration,
  SyntaxKind.FunctionExpression,
  SyntaxKind.ArrowFunction,
  SyntaxKind.MethodDeclaration,
  SyntaxKind.Constructor,
  SyntaxKind.GetAccessor,
  SyntaxKind.SetAccessor,
];

function isFunction(node: Node): boolean {
  return functionKinds.includes(node.kind);
}

function nameOf(node: Node, source: SourceFile): string {
  const named = node as { name?: Node };
  const parent = node.parent as { name?: Node } | undefined;
  return (named.name ?? parent?.name)?.getText(source) ?? "(anonymous)";
}

/** Exported functions and classes without a doc comment right before them. */
function undocumentedExports(source: SourceFile): string[] {
  const missing: string[] = [];
  let previous: string | null = null;
  for (const statement of source.statements) {
    const start = statement.getStart(source);
    const declaration = source.text.slice(start, source.text.indexOf("\n", start));
    const words = /^export (?:async )?(?:function\*?|class) (\w+)/.exec(declaration);
    const name = words?.[1] ?? null;
    if (name !== null && name !== previous) {
      const before = source.text.slice(statement.pos, start);
      if (!before.includes("/**")) missing.push(name);
    }
    // Overloads share the comment of the first.
    previous = name;
  }
  return missing;
}

function lineAt(text: string, position: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < position; at = text.indexOf("\n", at + 1)) {
    line++;
  }
  return line;
}
