import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { plainRedactor, redactor } from "../../../src/core/connect/connector-secrets.ts";

const jaas = "org.apache.kafka.common.security.plain.PlainLoginModule required " +
  'username="u" password="jaas-secret";';

describe("redactor()", () => {
  const config = {
    "mongodb.connection.string": "mongodb://app:s3cr%40t!@db1:27017,db2/?replicaSet=rs0",
    "mongodb.password": "other-secret",
    "signal.consumer.sasl.jaas.config": jaas,
    "signal.consumer.ssl.key.password": "${file:/run/secrets:key}",
    "value.converter.basic.auth.user.info": "me:registry",
    "my.own.thing": "hidden-by-connect",
    "topic.prefix": "cdc",
  };
  const redact = redactor([config], ["my.own.thing"]);

  test.each(
    [
      ["mongodb.connection.string", "mongodb://app:********@db1:27017,db2/?replicaSet=rs0"],
      ["mongodb.password", "********"],
      ["signal.consumer.sasl.jaas.config", "********"],
      ["signal.consumer.ssl.key.password", "${file:/run/secrets:key}"],
      ["value.converter.basic.auth.user.info", "********"],
      ["my.own.thing", "********"],
      ["topic.prefix", "cdc"],
    ] as const,
  )("%s is shown as %s", (key, shown) => {
    expect(redact.value(key, config[key])).toBe(shown);
  });

  test("masks every known secret wherever a text quotes it, decoded too", () => {
    const text = "tried s3cr%40t! and s3cr@t! and other-secret, jaas-secret, hidden-by-connect";
    expect(redact.text(text)).toBe(
      "tried ******** and ******** and ********, ********, ********",
    );
  });

  test("masks what it has never heard of by its form", () => {
    expect(plainRedactor.text("at mongodb+srv://a:b@c.d/x")).toBe(
      "at mongodb+srv://a:********@c.d/x",
    );
    expect(plainRedactor.text(jaas)).toContain('username="u" password="********";');
    expect(plainRedactor.text("mongodb://db1:27017/?replicaSet=rs0"))
      .toBe("mongodb://db1:27017/?replicaSet=rs0");
    expect(plainRedactor.text("http://connect:8083 answered @ noon"))
      .toBe("http://connect:8083 answered @ noon");
  });

  test("an unencoded @ in a password hides no part of it", () => {
    expect(plainRedactor.text("mongodb://a:p@ss@host/db")).toBe("mongodb://a:********@host/db");
  });

  test("a connection string is never shown with its password", () => {
    const word = fc.stringMatching(/^[A-Za-z0-9._~!$&'()*+;=-]{4,20}$/);
    fc.assert(fc.property(word, word, (user, password) => {
      const uri = `mongodb://${user}:Z9${password}Z9@host:1/db`;
      const both = redactor([{ "mongodb.connection.string": uri }]);
      expect(both.value("mongodb.connection.string", uri)).not.toContain(`Z9${password}Z9`);
      expect(both.text(`bad: Z9${password}Z9 for ${uri}`)).not.toContain(`Z9${password}Z9`);
    }));
  });
});
