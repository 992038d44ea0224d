import { describe, expect, test } from "bun:test";
import {
  type ConnectorFile,
  parseConnectorFile,
  readConnectorFile,
  shippedConnector,
} from "../../../src/cli/connect/connector-file.ts";

const read = (json: string, env: Readonly<Record<string, string>> = {}): ConnectorFile =>
  parseConnectorFile(json, { path: "c.json", env });
const places = ({ problems }: ConnectorFile): string[] =>
  problems.map(({ place, message }) => `${place}: ${message}`);

describe("parseConnectorFile()", () => {
  test("takes both forms, and values that are no texts", () => {
    const config = { "a": "1", "b": "true", "c": "9223372036854775807", "d": "x" };
    const json = '{"a":1,"b":true,"c":9223372036854775807,"d":"x"}';
    expect(read(json)).toEqual({ name: null, config, problems: [] });
    expect(read(`{"name":"n","config":${json}}`)).toEqual({ name: "n", config, problems: [] });
    expect(read('{"name":"n","a":"1"}')).toMatchObject({ name: "n", config: { name: "n" } });
    const got = '{"name":"n","config":{"name":"n"},"tasks":[],"type":"source"}';
    expect(read(got)).toEqual({ name: "n", config: { name: "n" }, problems: [] });
  });

  test("replaces variables, and leaves Connect's own references alone", () => {
    const json = '{"a":"${A}-${B:-b}","c":"$${C}","d":"${file:/run/x:y}","e":"${D:--1}"}';
    expect(read(json, { A: "1", B: "" }).config).toEqual({
      a: "1-b",
      c: "${C}",
      d: "${file:/run/x:y}",
      e: "-1",
    });
  });

  test("a value cannot change the file's structure", () => {
    expect(read('{"a":"${A}"}', { A: '","b":"2' }).config).toEqual({ a: '","b":"2' });
  });

  test("finds all problems at once, with their places", () => {
    const json = `{
  "name": "n",
  "confg": 1,
  "config": {
    "name": "m",
    "a": "\${A}",
    "b": ["x"],
    "c": null,
    "d": {"e": 1},
    "f": "\${1}"
  }
}`;
    expect(places(read(json))).toEqual([
      "c.json:6 a: the variable A is not set",
      'c.json:10 f: "${1}" is not a variable',
      "c.json:3 confg: does not belong beside name and config",
      "c.json:7 b: is a list; Connect takes texts only",
      "c.json:8 c: has no value",
      "c.json:9 d: is an object; Connect takes texts only",
      'c.json:5 name: is "m" here and "n" outside of config',
    ]);
  });

  test.each([
    ['{"a": }', /^c\.json:1: not valid JSON|^c\.json:1 a: has no value/],
    ['{"a":"1"\n"b":"2"}', /^c\.json:\d: not valid JSON/],
    ['{"a":"1","a":"2"}', /^c\.json:1: not valid JSON: Map keys must be unique/],
    ["[]", /^c\.json:1: is not a connector's configuration/],
    ["", /^c\.json: is not a connector's configuration/],
  ])("%s", (json, expected) => {
    expect(places(read(json))[0]).toMatch(expected);
  });

  test("a file that is not there is a problem like any other", () => {
    expect(readConnectorFile("/nowhere/c.json", {}).problems[0]).toMatchObject({
      place: "/nowhere/c.json",
      message: expect.stringContaining("cannot be read"),
    });
  });
});

describe("shippedConnector()", () => {
  const env = {
    MONGODB_CONNECTION_STRING: "mongodb://m/?replicaSet=r",
    KAFKA_BOOTSTRAP_SERVERS: "k:1",
  };

  test("has what the documentation promises", () => {
    const { name, config, problems } = shippedConnector(env);
    expect([name, problems]).toEqual(["cdcdelta", []]);
    expect(config).toMatchObject({
      "mongodb.connection.string": "mongodb://m/?replicaSet=r",
      "topic.prefix": "cdc",
      "snapshot.mode": "initial",
      "snapshot.fetch.size": "10000",
      "snapshot.max.threads": "4",
      "capture.mode": "change_streams_update_full",
      "poll.interval.ms": "100",
      "max.batch.size": "2048",
      "max.queue.size": "16384",
      "exactly.once.support": "required",
      "provide.transaction.metadata": "true",
      "signal.enabled.channels": "source,kafka",
      "signal.kafka.topic": "cdc.signals",
      "signal.kafka.groupId": "cdcdelta-signals",
      "notification.enabled.channels": "sink",
      "notification.sink.topic.name": "cdc.notifications",
      "topic.creation.default.replication.factor": "-1",
    });
  });

  test("names every variable that is missing", () => {
    expect(places(shippedConnector({}))).toEqual([
      "built-in debezium-mongodb.json mongodb.connection.string: the variable " +
      "MONGODB_CONNECTION_STRING is not set",
      "built-in debezium-mongodb.json signal.kafka.bootstrap.servers: the variable " +
      "KAFKA_BOOTSTRAP_SERVERS is not set",
    ]);
  });
});
