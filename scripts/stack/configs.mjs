// Settings of Kafka and Connect: one node of each, on loopback, exactly-once source on.
import { secureSettings } from "./kafka-security.mjs";

/** The largest record: a document of 16 MiB, twice, in JSON. */
const messageBytesMax = 41_943_040;

/** A broker that is its own controller. `tls`: the folder of certificates for secure listeners. */
export function kafkaProperties({ data, tls, ...ports }) {
  const { kafka, kafkaController } = ports;
  const plain = `PLAINTEXT://127.0.0.1:${kafka}`;
  const secure = tls === null
    ? { addresses: "", protocols: "", settings: {} }
    : secureSettings(ports, tls);
  return properties({
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${kafkaController}`,
    "listeners": `${plain},CONTROLLER://127.0.0.1:${kafkaController}${secure.addresses}`,
    "advertised.listeners": `${plain}${secure.addresses}`,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": `PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT${secure.protocols}`,
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": data,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    // Tests let members of a group die, and do not wait long for others to take over.
    "group.min.session.timeout.ms": 1000,
    "message.max.bytes": messageBytesMax,
    "replica.fetch.max.bytes": messageBytesMax,
    ...secure.settings,
  });
}

/** A distributed worker with plain JSON converters. */
export function connectProperties({ kafka, connect, plugins }) {
  return properties({
    "bootstrap.servers": `127.0.0.1:${kafka}`,
    "group.id": "cdc-connect",
    "listeners": `http://127.0.0.1:${connect}`,
    "rest.advertised.host.name": "127.0.0.1",
    "plugin.path": plugins,
    "plugin.discovery": "service_load",
    "key.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "key.converter.schemas.enable": false,
    "value.converter.schemas.enable": false,
    "config.storage.topic": "_connect-configs",
    "offset.storage.topic": "_connect-offsets",
    "status.storage.topic": "_connect-status",
    "config.storage.replication.factor": 1,
    "offset.storage.replication.factor": 1,
    "status.storage.replication.factor": 1,
    "offset.storage.partitions": 1,
    "status.storage.partitions": 1,
    "exactly.once.source.support": "enabled",
    "offset.flush.interval.ms": 5000,
    // A worker that was killed does not keep the next one waiting for a minute.
    "session.timeout.ms": 6000,
    "heartbeat.interval.ms": 1000,
    "rebalance.timeout.ms": 6000,
    "scheduled.rebalance.max.delay.ms": 0,
    "producer.max.request.size": messageBytesMax,
    "producer.compression.type": "lz4",
  });
}

function properties(entries) {
  return Object.entries(entries).map(([name, value]) => `${name}=${value}\n`).join("");
}
