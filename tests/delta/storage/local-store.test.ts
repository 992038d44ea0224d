import { execFileSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import process from "node:process";
import type { CdcDeltaError } from "../../../src/errors.ts";
import { linkError, localError } from "../../../src/delta/storage/local-errors.ts";
import { localStore } from "../../../src/delta/storage/local-store.ts";
import {
  bytesOf,
  codeOf,
  errorOf,
  keysOf,
  objectStoreSuite,
  patterned,
  textOf,
} from "../../suites/object-store.ts";

const { signal } = new AbortController();
const io = { signal };
const isAccessTimeKept = await keepsAccessTimes();
const isMountAllowed = await canMount();

async function temporaryFolder(): Promise<string> {
  return await fs.mkdtemp(join(tmpdir(), "cdcdelta-store-"));
}

objectStoreSuite("localStore()", async () => {
  const folder = await temporaryFolder();
  return {
    store: localStore(join(folder, "not/yet/there")),
    close: () => fs.rm(folder, { recursive: true, force: true }),
  };
});

describe("localStore()", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => fs.rm(folder, { recursive: true, force: true }));

  /** Every file and folder below, `.tmp-` files too. */
  const everything = async (): Promise<string[]> =>
    (await fs.readdir(folder, { recursive: true })).sort();

  test("keeps a key as the file's path, letter by letter", async () => {
    const store = localStore(folder);
    await store.put("day=2026-01-31/a%3Ab c+é.parquet", [bytesOf("x")], io);
    expect(await everything()).toEqual(["day=2026-01-31", "day=2026-01-31/a%3Ab c+é.parquet"]);
    expect(store.uri).toBe(folder);
  });

  test("takes the checksum that Hadoop left of a file away when the file is another one", async () => {
    const store = localStore(folder);
    const begun = async (key: string): Promise<void> => {
      const upload = await store.uploads?.begin(key, io);
      await upload?.putPart(0, bytesOf("new"), io);
      await upload?.complete(1, io);
    };
    await fs.mkdir(join(folder, "log"));
    for (const name of ["a", ".a.crc", "b", ".b.crc", "c", ".c.crc"]) {
      await fs.writeFile(join(folder, "log", name), "by Hadoop");
    }
    await store.put("log/a", [bytesOf("new")], io);
    await begun("log/b");
    // Nothing is written here, so that the checksum is right as it is.
    expect(await store.putIfAbsent("log/c", bytesOf("new"), io)).toBe("exists");
    expect(await everything()).toEqual(["log", "log/.c.crc", "log/a", "log/b", "log/c"]);
  });

  test("takes a relative root against the working folder", async () => {
    const store = localStore(relative(process.cwd(), folder));
    await store.put("a", [bytesOf("x")], io);
    expect(store.uri).toBe(folder);
    expect(await everything()).toEqual(["a"]);
  });

  test.skipIf(process.platform !== "linux")(
    "syncs every file, its folder, and the folders above when it comes to a folder first",
    async () => {
      const store = localStore(join(folder, "lake"));
      const synced = await syncedBy(async () => {
        await store.put("t/day=1/a", [bytesOf("x")], io);
        await store.put("t/day=1/b", [bytesOf("x")], io);
        await store.putIfAbsent("t/_delta_log/0", bytesOf("x"), io);
        await store.putIfAbsent("t/_delta_log/0", bytesOf("y"), io);
      });
      const names = synced.map((path) => relative(folder, path).replace(/\.tmp-.*/, "(file)"));
      expect(names).toEqual([
        "lake/t/day=1/(file)",
        "lake/t/day=1",
        "lake/t",
        "lake",
        "",
        "lake/t/day=1/(file)",
        "lake/t/day=1",
        "lake/t/_delta_log/(file)",
        "lake/t/_delta_log",
        "lake/t",
        "lake",
        "lake/t/_delta_log/(file)",
        "lake/t/_delta_log",
      ]);
    },
  );

  test("leaves no temporary file behind, whatever happens", async () => {
    const store = localStore(folder);
    await store.put("log/a", [patterned(100_000)], io);
    await store.putIfAbsent("log/b", bytesOf("x"), io);
    await store.putIfAbsent("log/b", bytesOf("y"), io);
    await fs.mkdir(join(folder, "log/c/d"), { recursive: true });
    expect(await codeOf(store.put("log/c", [bytesOf("x")], io))).toBe("store");
    expect(await store.putIfAbsent("log/c", bytesOf("x"), io)).toBe("exists");
    const stop = new AbortController();
    const chunks = {
      *[Symbol.iterator]() {
        yield bytesOf("one");
        stop.abort(new Error("enough"));
        yield bytesOf("two");
      },
    } as unknown as Uint8Array[];
    await expect(store.put("log/e", chunks, { signal: stop.signal })).rejects.toThrow("enough");
    expect(await everything()).toEqual(["log", "log/a", "log/b", "log/c", "log/c/d"]);
  });

  test("neither lists nor accepts temporary files of a writer that died", async () => {
    const store = localStore(folder);
    await fs.writeFile(join(folder, ".tmp-1"), "x");
    await fs.mkdir(join(folder, "log"));
    await fs.writeFile(join(folder, "log/.tmp-2"), "x");
    await fs.writeFile(join(folder, "log/1"), "x");
    expect(await keysOf(store.list("", io))).toEqual(["log/1"]);
    for (const key of [".tmp-1", "log/.tmp-2", ".tmp-x/y"]) {
      expect(await codeOf(store.put(key, [bytesOf("x")], io))).toBe("usage");
      expect(await codeOf(store.get(key, io))).toBe("usage");
    }
  });

  test("deletes what a writer that died left behind, which list() tells of when asked to", async () => {
    const store = localStore(folder);
    await fs.mkdir(join(folder, "log"));
    await fs.writeFile(join(folder, "log/.tmp-2"), "x");
    const left = await keysOf(store.list("", { ...io, leftovers: true }));
    expect(left).toEqual(["log/.tmp-2"]);
    await store.delete(left, io);
    expect(await everything()).toEqual(["log"]);
    expect(await codeOf(store.delete(["../x"], io))).toBe("usage");
  });

  test("list() counts links to files, and neither enters linked folders nor folders as files", async () => {
    const store = localStore(folder);
    await store.put("a/file", [bytesOf("four")], io);
    await fs.mkdir(join(folder, "empty/er"), { recursive: true });
    await fs.symlink(join(folder, "a/file"), join(folder, "a/link"));
    await fs.symlink(join(folder, "gone"), join(folder, "a/broken"));
    await fs.symlink(folder, join(folder, "a/circle"));
    const metas = await Array.fromAsync(store.list("", io));
    expect(metas.map(({ key, size }) => [key, size])).toEqual([["a/file", 4], ["a/link", 4]]);
  });

  test.skipIf(!isAccessTimeKept)(
    "list() opens no folder that cannot match (needs times of access)",
    async () => {
      const store = localStore(folder);
      for (const key of ["a/1", "b/1", "b/c/1", "b/d/1", "bb/1", "c/1"]) {
        await store.put(key, [bytesOf("x")], io);
      }
      const folders = ["a", "b", "b/c", "b/d", "bb", "c"];
      const openedBy = (prefix: string, startAfter: string): Promise<string[]> =>
        readFolders(folder, folders, () => keysOf(store.list(prefix, { signal, startAfter })));
      expect(await openedBy("", "")).toEqual(folders);
      expect(await openedBy("b/c", "")).toEqual(["b", "b/c"]);
      expect(await openedBy("b/c/", "")).toEqual(["b/c"]);
      expect(await openedBy("b", "b/c/1")).toEqual(["b", "b/c", "b/d", "bb"]);
      expect(await openedBy("", "b/d/1")).toEqual(["b", "b/d", "bb", "c"]);
    },
  );

  test("a root that is a file is an error, not an empty store", async () => {
    const path = join(folder, "file");
    await fs.writeFile(path, "x");
    const store = localStore(path);
    expect(await codeOf(keysOf(store.list("", io)))).toBe("store");
    const error = await errorOf(store.put("a", [bytesOf("x")], io));
    expect(error).toMatchObject({ code: "store", retryable: false });
    expect(error.message).toContain("choose another path");
    expect(await codeOf(store.putIfAbsent("a", bytesOf("x"), io))).toBe("store");
  });

  test("a name too long is an error to write and nothing to read", async () => {
    const store = localStore(folder);
    const key = `a/${"n".repeat(300)}`;
    expect(await codeOf(store.get(key, io))).toBe("not-found");
    expect(await store.head(key, io)).toBeNull();
    await store.delete([key], io);
    const error = await errorOf(store.put(key, [bytesOf("x")], io));
    expect(error).toMatchObject({ code: "store", retryable: false });
    expect(error.message).toContain("shorten");
  });

  test("writes go on when the folder is removed between them", async () => {
    const store = localStore(join(folder, "lake"));
    for (let round = 0; round < 3; round++) {
      expect(await store.putIfAbsent("t/_delta_log/0", bytesOf("x"), io)).toBe("created");
      await fs.rm(join(folder, "lake"), { recursive: true });
    }
  });

  test("a folder without write access is a permission error", async () => {
    const store = localStore(folder);
    await store.put("a", [bytesOf("x")], io);
    await fs.chmod(folder, 0o555);
    await asOrdinaryUser(async () => {
      expect(await codeOf(store.put("b", [bytesOf("x")], io))).toBe("permission");
      expect(await codeOf(store.put("sub/b", [bytesOf("x")], io))).toBe("permission");
      expect(await codeOf(store.putIfAbsent("b", bytesOf("x"), io))).toBe("permission");
      expect(await codeOf(store.delete(["a"], io))).toBe("permission");
      expect(textOf(await store.get("a", io))).toBe("x");
    });
    await fs.chmod(folder, 0o700);
    await asOrdinaryUser(async () => {
      if (process.getuid?.() !== 0) return;
      expect(await codeOf(store.get("a", io))).toBe("permission");
      expect(await codeOf(store.head("a", io))).toBe("permission");
      expect(await codeOf(keysOf(store.list("", io)))).toBe("permission");
    });
  });

  test.skipIf(!isMountAllowed)(
    "a full disk and a read-only one are told as such (needs the right to mount)",
    async () => {
      const disk = join(folder, "disk");
      await fs.mkdir(disk);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]);
      try {
        const store = localStore(disk);
        await store.put("a", [bytesOf("x")], io);
        const full = await errorOf(store.put("b", [patterned(1 << 20)], io));
        expect(full).toMatchObject({ code: "store", retryable: false });
        expect(full.message).toContain("the disk is full");
        expect(await codeOf(store.putIfAbsent("b", patterned(1 << 20), io))).toBe("store");
        expect(await fs.readdir(disk)).toEqual(["a"]);
        await store.put("b", [bytesOf("room for this one")], io);
        execFileSync("mount", ["-o", "remount,ro", disk]);
        expect(await codeOf(store.put("c", [bytesOf("x")], io))).toBe("permission");
        expect(await codeOf(store.putIfAbsent("c", bytesOf("x"), io))).toBe("permission");
        expect(await codeOf(store.delete(["a"], io))).toBe("permission");
        expect(textOf(await store.get("a", io))).toBe("x");
      } finally {
        execFileSync("umount", [disk]);
      }
    },
  );
});

describe("linkError()", () => {
  for (const system of ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]) {
    test(`${system} says that the file system has no hard links`, () => {
      const cause = Object.assign(new Error(`${system}: no luck`), { code: system });
      const error = linkError(cause, "/lake/a") as CdcDeltaError;
      expect(error).toMatchObject({ code: "store-unsafe", retryable: false, cause });
      expect(error.message).toContain("hard links");
    });
  }
  test("hands other errors back", () => {
    const cause = Object.assign(new Error("full"), { code: "ENOSPC" });
    expect(linkError(cause, "/lake/a")).toBe(cause);
  });
});

describe("localError()", () => {
  const codes: readonly [system: string, code: string, retryable: boolean, says: string][] = [
    ["EACCES", "permission", false, "read and write access"],
    ["EPERM", "permission", false, "read and write access"],
    ["EROFS", "permission", false, "read-only"],
    ["ENOSPC", "store", false, "the disk is full"],
    ["EDQUOT", "store", false, "the quota is used up"],
    ["ENOTDIR", "store", false, "is a file"],
    ["EISDIR", "store", false, "Cannot write"],
    ["ENAMETOOLONG", "store", false, "shorten"],
    ["EIO", "store", false, "Cannot write"],
    ["EMFILE", "store", true, "Cannot write"],
    ["ESTALE", "store", true, "Cannot write"],
    ["EBUSY", "store", true, "Cannot write"],
  ];
  for (const [system, code, retryable, says] of codes) {
    test(`${system} is ${code}${retryable ? ", retryable" : ""}`, () => {
      const cause = Object.assign(new Error(`${system}: no luck`), { code: system });
      const error = localError(cause, 'Cannot write "a" in /lake', signal) as CdcDeltaError;
      expect(error).toMatchObject({ code, retryable, cause, context: { system } });
      expect(error.message).toStartWith('Cannot write "a" in /lake: ');
      expect(error.message).toContain(says);
    });
  }
});

/** Paths of the files and folders that were synced during `work`, in order. */
async function syncedBy(work: () => Promise<void>): Promise<string[]> {
  const handle = await fs.open(tmpdir(), "r");
  const prototype = Object.getPrototypeOf(handle) as fs.FileHandle;
  await handle.close();
  const paths: string[] = [];
  const { sync } = prototype;
  prototype.sync = async function (this: fs.FileHandle): Promise<void> {
    paths.push(await fs.readlink(`/proc/self/fd/${this.fd}`));
    await sync.call(this);
  };
  try {
    await work();
  } finally {
    prototype.sync = sync;
  }
  return paths;
}

/** Access rights do not bind root: as root, the work is done as nobody. */
async function asOrdinaryUser(work: () => Promise<void>): Promise<void> {
  if (process.getuid?.() !== 0) return await work();
  process.seteuid?.(65534);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
  }
}

/** Those of the folders that were read during `work`, by their times of access. */
async function readFolders(
  root: string,
  folders: readonly string[],
  work: () => Promise<unknown>,
): Promise<string[]> {
  const past = new Date("2001-01-01T00:00:00Z");
  for (const name of folders) await fs.utimes(join(root, name), past, past);
  await work();
  const stats = await Promise.all(folders.map((name) => fs.stat(join(root, name))));
  return folders.filter((_, index) => stats[index]?.atimeMs !== past.getTime());
}

async function keepsAccessTimes(): Promise<boolean> {
  const root = await temporaryFolder();
  await fs.mkdir(join(root, "a"));
  const read = await readFolders(root, ["a"], () => fs.readdir(join(root, "a")));
  await fs.rm(root, { recursive: true });
  return read.length === 1;
}

/** Only root of a machine that lets it can make a disk that is full or read-only for root too. */
async function canMount(): Promise<boolean> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const root = await temporaryFolder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", root], { stdio: "ignore" });
    execFileSync("umount", [root], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  } finally {
    await fs.rm(root, { recursive: true, force: true });
  }
}
