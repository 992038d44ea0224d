// Installs what the last suites need, at low priority, while the first ones run.
import path from "node:path";
import { root } from "./project.mjs";
import { run } from "./steps.mjs";

/** Starts the installers; each `done` resolves to the result of its script. */
export function startInstallers() {
  const readers = installer("install readers", "scripts/readers/install.sh", "--spark");
  // What is missing of Python, Java and Maven comes with the readers.
  return [
    readers,
    installer("install MinIO", "scripts/stack/install-minio.sh"),
    installer("install strace", "scripts/stack/install-strace.sh"),
    after(readers, "install MongoDB", "scripts/stack/install-mongodb.sh"),
    after(readers, "install Kafka and Connect", "scripts/stack/install-kafka.sh"),
  ];
}

function installer(name, script, ...args) {
  const command = ["nice", "-n", "10", "bash", path.join(root, script), ...args];
  return { name, done: run(command[0], command.slice(1), { timeoutMs: 25 * 60_000 }) };
}

function after(earlier, name, script) {
  return { name, done: earlier.done.then(() => installer(name, script).done) };
}
