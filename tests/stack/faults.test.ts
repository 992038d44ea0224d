import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { minioBinary, minioMissing } from "../support/minio.ts";
import { projectRoot } from "../support/project-root.ts";
import { requirement } from "../support/requirement.ts";
import { isOpen, partsOf, processesNaming, stack, until } from "./stack-command.ts";

setDefaultTimeout(120_000);

const root = mkdtempSync(path.join(tmpdir(), "cdcdelta-stack-faults-"));
let folders = 0;

afterAll(async () => {
  // Nothing is left when the tests pass; one that failed may have left its part.
  for (const folder of readdirSync(root)) {
    await stack(["down", "--data", path.join(root, folder), "--grace", "1"]);
  }
  rmSync(root, { recursive: true, force: true });
});

function newFolder(): string {
  return path.join(root, String(folders++));
}

/** A cache in which mongod is a shell script. */
function cacheWithMongod(script: string): string {
  const bin = path.join(newFolder(), "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(path.join(bin, "mongod"), `#!/bin/sh\n${script}\n`);
  chmodSync(path.join(bin, "mongod"), 0o755);
  const installer = path.join(projectRoot, "scripts", "stack", "install-mongodb.sh");
  const version = /^wheel="(.*)"$/m.exec(readFileSync(installer, "utf8"))?.[1] ?? "";
  writeFileSync(path.join(bin, "mongod.version"), version);
  return path.dirname(bin);
}

describe("a stack that cannot start", () => {
  test("names the tools that are missing and what to install", async () => {
    const bare = { PATH: newFolder(), CDCDELTA_CACHE: newFolder() };
    const missing = await stack(["missing"], bare);
    expect(missing.status).toBe(1);
    for (const part of ["mongodb", "kafka", "connect", "minio"]) {
      expect(missing.stdout).toContain(`${part} is not installed`);
    }
    const up = await stack(["up", "--only", "mongodb,kafka", "--data", newFolder()], bare);
    expect(up.status).toBe(1);
    expect(up.stderr).toContain("java is missing: install a JRE 17");
    expect(up.stderr).toContain("mvn is missing: install Maven");
    expect(up.stderr).toContain("python3 is missing: install Python");
  });

  test("shows the end of the log of a part that died, and where it is", async () => {
    const data = newFolder();
    const env = { CDCDELTA_CACHE: cacheWithMongod("echo first; echo no space left; exit 3") };
    const up = await stack(["up", "--only", "mongodb", "--ports", "auto", "--data", data], env);
    expect(up.status).toBe(1);
    expect(up.stderr).toContain("mongodb did not start: exit code 3");
    expect(up.stderr).toContain("no space left");
    expect(up.stderr).toContain(path.join(data, "mongodb.log"));
  });

  test("is interrupted without leaving what it had started", async () => {
    const data = newFolder();
    const log = path.join(data, "mongodb.log");
    const env = { CDCDELTA_CACHE: cacheWithMongod('echo "$@"; while :; do sleep 0.1; done') };
    const args = ["up", "--only", "mongodb", "--ports", "auto", "--data", data];
    const up = stack(args, env, (child) => {
      void until("a start", () => existsSync(log) && readFileSync(log, "utf8").includes("rs0"))
        .then(() => child.kill("SIGINT"));
    });
    expect((await up).status).toBe(1);
    expect((await up).stderr).toContain("interrupted");
    expect(processesNaming(data)).toEqual([]);
  });

  test("names the port that is taken", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { readonly port: number };
    const env = { CDCDELTA_CACHE: cacheWithMongod("sleep 60") };
    const args = ["--only", "mongodb", "--ports", `mongodb=${port}`, "--data", newFolder()];
    const up = await stack(["up", ...args], env);
    server.close();
    expect(up.status).toBe(1);
    expect(up.stderr).toContain(`Port ${port} for mongodb is taken`);
  });

  test.each([
    [["up", "--only", "mongo"], "no such part: mongo"],
    [["up", "--ports", "kafka=0"], "kafka=0 is not auto or NAME=NUMBER"],
    [["up", "--ports", "broker=9092"], "broker=9092 is not auto or NAME=NUMBER"],
    [["start"], "name one command"],
    [["status", "--format", "yaml"], "--format is table or json"],
    [["down", "--grace", "soon"], "--grace is a whole number"],
    [["restart"], "restart: name the parts with --only"],
    [["restart", "--only", "kafka"], "never started in"],
    [["freeze", "--only", "kafka"], "not running: kafka"],
    [["up", "--heap", "minio=1g"], "minio=1g is not NAME=SIZE with kafka, connect"],
  ])("refuses %p", async (args, message) => {
    const { status, stderr } = await stack([...args, "--data", newFolder()]);
    expect(status).toBe(1);
    expect(stderr).toContain(message);
  });
});

describe.skipIf(!requirement(existsSync(minioBinary()), minioMissing))("one part alone", () => {
  const only = ["--only", "minio", "--ports", "auto", "--format", "json"];

  test("is started once by two callers at a time", async () => {
    const data = newFolder();
    const both = await Promise.all([1, 2].map(() => stack(["up", ...only, "--data", data])));
    const pids = both.map((up) => partsOf(up).get("minio")?.pid);
    expect(pids[0]).toBeNumber();
    expect(pids[1]).toBe(pids[0] ?? null);
    expect((await stack(["down", "--data", data])).status).toBe(0);
    expect(processesNaming(data)).toEqual([]);
  });

  test("is killed when it does not end within the grace period", async () => {
    const data = newFolder();
    const minio = partsOf(await stack(["up", ...only, "--data", data])).get("minio");
    process.kill(minio?.pid ?? 0, "SIGSTOP");
    const down = await stack(["down", "--data", data, "--grace", "1"]);
    expect(down.stderr).toContain("minio is killed after");
    expect(processesNaming(data)).toEqual([]);
  });

  test("is restarted on its ports with its data, and is still watched over", async () => {
    const data = newFolder();
    const owner = spawn("sleep", ["600"]);
    const args = ["up", ...only, "--data", data, "--while-pid", String(owner.pid)];
    try {
      const before = partsOf(await stack(args)).get("minio");
      writeFileSync(path.join(data, "minio", "objects", "kept"), "");
      const again = ["restart", "--only", "minio", "--grace", "0", "--format", "json"];
      const restarted = await stack([...again, "--data", data]);
      const after = partsOf(restarted).get("minio");
      expect(restarted.stderr).toContain("minio is killed after");
      expect(after).toMatchObject({ state: "ready", ports: before?.ports });
      expect(after?.pid).not.toBe(before?.pid ?? null);
      expect(existsSync(path.join(data, "minio", "objects", "kept"))).toBe(true);
    } finally {
      owner.kill("SIGKILL");
    }
    await until("the end of everything", () => processesNaming(data).length === 0);
  });

  test("is frozen, does not answer, and goes on when thawed", async () => {
    const data = newFolder();
    const minio = partsOf(await stack(["up", ...only, "--data", data])).get("minio");
    const part = ["--only", "minio", "--data", data];
    expect(await stack(["freeze", ...part])).toMatchObject({ status: 0 });
    const frozen = partsOf(await stack(["status", ...part, "--format", "json"])).get("minio");
    expect(frozen).toMatchObject({ state: "not answering", pid: minio?.pid });
    expect(await stack(["thaw", ...part])).toMatchObject({ status: 0 });
    const thawed = partsOf(await stack(["status", ...part, "--format", "json"])).get("minio");
    expect(thawed).toMatchObject({ state: "ready", pid: minio?.pid });
    expect((await stack(["down", "--data", data])).status).toBe(0);
  });

  test("ends with the process that it was started for", async () => {
    const data = newFolder();
    const owner = spawn("sleep", ["600"]);
    const args = ["up", ...only, "--data", data, "--while-pid", String(owner.pid), "--wipe"];
    try {
      const minio = partsOf(await stack(args)).get("minio");
      expect(await isOpen(minio?.ports["minio"] ?? 0)).toBe(true);
    } finally {
      owner.kill("SIGKILL");
    }
    await until("the end of everything", () => processesNaming(data).length === 0);
    expect(existsSync(data)).toBe(false);
  });

  test("is not mistaken for a later process with its id", async () => {
    const data = newFolder();
    const bystander = spawn("sleep", ["600"]);
    mkdirSync(data);
    const part = { ports: { minio: 1, minioConsole: 2 }, pid: bystander.pid, startTime: "1" };
    writeFileSync(path.join(data, "stack.json"), JSON.stringify({ parts: { minio: part } }));
    try {
      const down = await stack(["down", "--data", data]);
      expect(down.stderr).toContain("minio had ended by itself");
      expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
    } finally {
      bystander.kill("SIGKILL");
    }
  });
});
