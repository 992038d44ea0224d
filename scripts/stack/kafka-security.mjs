// Listeners of Kafka with SASL and TLS, beside the plain one, for tests of clients.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { quietEnv } from "../lib/project.mjs";

/** Ports of the listeners: SASL without TLS, TLS with client certificates, SASL over TLS. */
export const securePorts = { kafkaSasl: 9194, kafkaTls: 9195, kafkaSaslTls: 9196 };

const user = { username: "alice", password: "alice-secret" };
const keyPassphrase = "client-secret";

/** Users for `StorageTool format`: those of SCRAM are kept in Kafka's own metadata. */
export const scramUsers = ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
  "--add-scram",
  `${mechanism}=[name=${user.username},password=${user.password}]`,
]);

/** Settings of the listeners; `listeners` and the like go behind those of the plain one. */
export function secureSettings(ports, tls) {
  const listeners = {
    SASL: ["SASL_PLAINTEXT", ports.kafkaSasl],
    TLS: ["SSL", ports.kafkaTls],
    SASLTLS: ["SASL_SSL", ports.kafkaSaslTls],
  };
  const addresses = Object.entries(listeners).map(([name, [, port]]) =>
    `,${name}://127.0.0.1:${port}`
  );
  const settings = {
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": path.join(tls, "server.pem"),
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": path.join(tls, "ca.crt"),
    "listener.name.tls.ssl.client.auth": "required",
  };
  for (const name of ["sasl", "sasltls"]) {
    Object.assign(settings, saslSettings(`listener.name.${name}`));
  }
  return {
    addresses: addresses.join(""),
    protocols: Object.entries(listeners).map(([name, [protocol]]) => `,${name}:${protocol}`).join(
      "",
    ),
    settings,
  };
}

function saslSettings(listener) {
  const common = "org.apache.kafka.common.security";
  const jaas = {
    "plain": `${common}.plain.PlainLoginModule required user_${user.username}="${user.password}";`,
    "scram-sha-256": `${common}.scram.ScramLoginModule required;`,
    "scram-sha-512": `${common}.scram.ScramLoginModule required;`,
    // Tokens that nobody has signed: `{"alg":"none"}`.
    "oauthbearer": `${common}.oauthbearer.OAuthBearerLoginModule required ` +
      `unsecuredLoginStringClaim_sub="broker";`,
  };
  const mechanisms = Object.keys(jaas);
  return Object.fromEntries([
    [`${listener}.sasl.enabled.mechanisms`, mechanisms.join(",").toUpperCase()],
    ...mechanisms.map((name) => [`${listener}.${name}.sasl.jaas.config`, jaas[name]]),
  ]);
}

/**
 * Makes the certificates of the listeners in a folder, once: an authority, the server's certificate
 * and a client's by it, and another authority with a client's certificate that nobody trusts.
 */
export function makeCertificates(tls) {
  if (existsSync(tls)) return;
  const folder = `${tls}.new`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
  authority(folder, "ca");
  signed(folder, "server", "ca", ["-addext", names]);
  signed(folder, "client", "ca", []);
  authority(folder, "other-ca");
  signed(folder, "other-client", "other-ca", []);
  const files = ["-in", "client.key", "-out", "client-encrypted.key"];
  openssl(folder, ["pkcs8", "-topk8", ...files, "-passout", `pass:${keyPassphrase}`]);
  const server = ["server.key", "server.crt"].map((name) => readFileSync(path.join(folder, name)));
  writeFileSync(path.join(folder, "server.pem"), server.join(""));
  renameSync(folder, tls);
}

function authority(folder, name) {
  const issuer = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"];
  openssl(folder, [...newCertificate(name), ...issuer.flatMap((each) => ["-addext", each])]);
}

function signed(folder, name, by, extensions) {
  const issuer = ["-CA", `${by}.crt`, "-CAkey", `${by}.key`];
  const leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
  openssl(folder, [...newCertificate(name), ...issuer, ...leaf, ...extensions]);
}

function newCertificate(name) {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const files = ["-keyout", `${name}.key`, "-out", `${name}.crt`];
  return ["req", "-x509", ...key, ...files, "-days", "3650", "-subj", `/CN=cdcdelta test ${name}`];
}

function openssl(folder, args) {
  const options = { cwd: folder, encoding: "utf8", env: quietEnv() };
  const { status, stdout, stderr, error } = spawnSync("openssl", args, options);
  if (error?.code === "ENOENT") throw new Error("--secure needs openssl: install it");
  if (status !== 0) throw new Error(`openssl ${args.join(" ")}:\n${stderr}`);
  return stdout;
}

/** What a client needs to know of the listeners, for programs. */
export function securityOf(ports, tls) {
  const at = (name) => path.join(tls, name);
  return {
    saslUrl: `127.0.0.1:${ports.kafkaSasl}`,
    tlsUrl: `127.0.0.1:${ports.kafkaTls}`,
    saslTlsUrl: `127.0.0.1:${ports.kafkaSaslTls}`,
    ...user,
    ca: at("ca.crt"),
    certificate: at("client.crt"),
    key: at("client.key"),
    encryptedKey: at("client-encrypted.key"),
    keyPassphrase,
    otherCa: at("other-ca.crt"),
    otherCertificate: at("other-client.crt"),
    otherKey: at("other-client.key"),
  };
}
