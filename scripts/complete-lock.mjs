// `npm run lock`: brings package-lock.json up to date after package.json changed.
// npm leaves the packages of other platforms out when the registry it asks does not have them, and
// `npm ci` then refuses the lock file everywhere. They are entered by name and version.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fail, root } from "./lib/project.mjs";

const platforms = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
];
const processors = [
  "arm64",
  "arm",
  "x64",
  "ia32",
  "ppc64",
  "riscv64",
  "s390x",
  "loong64",
  "mips64el",
];

const npm = spawnSync("npm", ["install", "--package-lock-only", "--no-audit", "--no-fund"], {
  cwd: root,
  stdio: "inherit",
});
if (npm.status !== 0) fail("npm could not resolve the dependencies");

const file = path.join(root, "package-lock.json");
const lock = JSON.parse(readFileSync(file, "utf8"));
const added = [];
for (const [parent, { dev, optionalDependencies = {} }] of Object.entries(lock.packages)) {
  if (parent === "") continue;
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const place = `node_modules/${name}`;
    if (place in lock.packages || !/^\d/.test(version)) continue;
    lock.packages[place] = {
      version,
      ...platformOf(name),
      ...(dev ? { dev } : {}),
      optional: true,
    };
    added.push(name);
  }
}
const sorted = Object.entries(lock.packages).sort(([a], [b]) => a < b ? -1 : 1);
lock.packages = Object.fromEntries(sorted);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: entered ${added.length} packages of other platforms`);
process.exitCode = 0;

/** `@deno/linux-arm64-glibc` → the fields that make npm skip it elsewhere. */
function platformOf(name) {
  const words = name.split("/").at(-1).split("-");
  const os = words.includes("win32") ? "win32" : platforms.find((each) => words.includes(each));
  const cpu = processors.find((each) => words.includes(each));
  const libc = words.some((word) => word.startsWith("musl"))
    ? ["musl"]
    : words.some((word) => word === "gnu" || word === "glibc")
    ? ["glibc"]
    : undefined;
  if (os === undefined || cpu === undefined) fail(`Cannot tell the platform of ${name}`);
  return { cpu: [cpu], ...(libc === undefined || os !== "linux" ? {} : { libc }), os: [os] };
}
