// The parts of the stack: what each needs, how it is started, and when it is ready.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { cache, quietEnv } from "../lib/project.mjs";
import { connectProperties, kafkaProperties } from "./configs.mjs";
import { makeCertificates, scramUsers, securePorts } from "./kafka-security.mjs";
import { mongoCommand } from "./mongo-command.mjs";
import { probeHttp, probeKafka, probeMongodb } from "./probes.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const clusterId = "MkU3OEVBNTcwNTJENDM2Qg";
const java = { command: "java", install: "a JRE 17 or newer (Debian: openjdk-17-jre-headless)" };
const maven = { command: "mvn", install: "Maven 3.6 or newer (Debian: maven)" };
const python = {
  command: "python3",
  install: "Python 3.9 or newer (Debian: python3 python3-venv)",
};
const go = { command: "go", install: "Go 1.24 or newer" };

/** User and password of MinIO. */
export const minioAccess = { accessKey: "minioadmin", secretKey: "minioadmin" };

/**
 * In the order of starting. `ports` are names with their defaults, the first of them the one that
 * clients use; `heap` is the memory of a JVM; `needs` names parts that must run; `builds` and `runs` are commands on the path,
 * for installing and for starting; `securePorts` are those that `--secure` adds. `prepare` writes settings and makes folders, `settle` is called
 * until it returns null, which means ready.
 */
export const parts = {
  mongodb: {
    ports: { mongodb: 27117 },
    installer: "install-mongodb.sh",
    installed: "bin/mongod",
    builds: [python],
    runs: [],
    url: ({ mongodb }) => `mongodb://127.0.0.1:${mongodb}/?replicaSet=rs0`,
    probe: ({ mongodb }) => probeMongodb(mongodb),
    prepare: ({ folder }) => mkdirSync(path.join(folder, "db"), { recursive: true }),
    command: ({ ports, folder }) => [
      path.join(cache, "bin", "mongod"),
      "--replSet=rs0",
      "--bind_ip=127.0.0.1",
      `--port=${ports.mongodb}`,
      `--dbpath=${path.join(folder, "db")}`,
      "--oplogSize=128",
      "--wiredTigerCacheSizeGB=0.5",
      // Nobody takes over from a set of one: do not wait for clients to look for another.
      "--setParameter=shutdownTimeoutMillisForSignaledShutdown=100",
    ],
    settle: settleReplicaSet,
  },
  kafka: {
    ports: { kafka: 9192, kafkaController: 9193 },
    securePorts,
    installer: "install-kafka.sh",
    installed: "kafka/.ready",
    builds: [maven],
    runs: [java],
    url: ({ kafka }) => `127.0.0.1:${kafka}`,
    probe: ({ kafka }) => probeKafka(kafka),
    heap: "512m",
    prepare: prepareKafka,
    command: ({ folder, heap }) => [
      ...jvm(`-Xms${heap}`, `-Xmx${heap}`),
      "kafka.Kafka",
      path.join(folder, "server.properties"),
    ],
    settle: ({ ports, log }) =>
      readFileSync(log, "utf8").includes("Kafka Server started")
        ? probeKafka(ports.kafka)
        : "not started yet",
  },
  connect: {
    ports: { connect: 8183 },
    needs: "kafka",
    installer: "install-kafka.sh",
    installed: "connect-plugins/.ready",
    builds: [maven],
    runs: [java],
    url: ({ connect }) => `http://127.0.0.1:${connect}`,
    probe: ({ connect }) => probeHttp(`http://127.0.0.1:${connect}/connectors`),
    prepare: ({ ports, folder }) => {
      const plugins = path.join(cache, "connect-plugins");
      writeFileSync(
        path.join(folder, "connect.properties"),
        connectProperties({ ...ports, plugins }),
      );
    },
    heap: "1g",
    command: ({ folder, heap }) => [
      ...jvm("-Xms256m", `-Xmx${heap}`),
      "org.apache.kafka.connect.cli.ConnectDistributed",
      path.join(folder, "connect.properties"),
    ],
    settle: ({ ports }) => parts.connect.probe(ports),
  },
  minio: {
    ports: { minio: 9100, minioConsole: 9101 },
    installer: "install-minio.sh",
    installed: "bin/minio",
    builds: [go],
    runs: [],
    url: ({ minio }) => `http://127.0.0.1:${minio}`,
    // The page of the cluster: the one named `ready` says so before the server takes requests.
    probe: ({ minio }) => probeHttp(`http://127.0.0.1:${minio}/minio/health/cluster`),
    prepare: () => {},
    command: ({ ports, folder }) => [
      path.join(cache, "bin", "minio"),
      "server",
      "--quiet",
      `--address=127.0.0.1:${ports.minio}`,
      `--console-address=127.0.0.1:${ports.minioConsole}`,
      path.join(folder, "objects"),
    ],
    env: { MINIO_ROOT_USER: minioAccess.accessKey, MINIO_ROOT_PASSWORD: minioAccess.secretKey },
    settle: ({ ports }) => parts.minio.probe(ports),
  },
};

function jvm(...memory) {
  const classes = path.join(cache, "kafka", "*");
  const log4j = `-Dlog4j2.configurationFile=${path.join(here, "log4j2.properties")}`;
  return ["java", ...memory, log4j, "-cp", classes];
}

/** Where Kafka's certificates are, in Kafka's folder. */
export function tlsFolder(folder) {
  return path.join(folder, "tls");
}

function prepareKafka({ ports, folder, secure }) {
  const data = path.join(folder, "logs");
  const settings = path.join(folder, "server.properties");
  const tls = secure ? tlsFolder(folder) : null;
  if (tls !== null) makeCertificates(tls);
  writeFileSync(settings, kafkaProperties({ ...ports, data, tls }));
  if (existsSync(path.join(data, "meta.properties"))) return;
  // Short work: the first compiler alone is quickest.
  const [command, ...args] = [...jvm("-XX:TieredStopAtLevel=1"), "kafka.tools.StorageTool"];
  const { status, stdout, stderr } = spawnSync(
    command,
    [...args, "format", "-t", clusterId, "-c", settings, ...scramUsers],
    { encoding: "utf8", env: quietEnv() },
  );
  if (status !== 0) throw new Error(`cannot format Kafka's folder ${data}:\n${stdout}${stderr}`);
}

async function settleReplicaSet({ ports }) {
  const port = ports.mongodb;
  try {
    const hello = await mongoCommand(port, { hello: 1 });
    if (hello.isWritablePrimary) return null;
    if (hello.setName !== undefined) return "no primary yet";
    const members = [{ _id: 0, host: `127.0.0.1:${port}` }];
    await mongoCommand(port, { replSetInitiate: { _id: "rs0", members } });
    return "replica set just made";
  } catch (error) {
    return error.message;
  }
}
