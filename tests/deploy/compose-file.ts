import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { projectRoot } from "../support/project-root.ts";

/** The parts of the Compose Specification that the file uses, and nothing else: typing errors show. */
const text = z.string().min(1);
const environment = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string());
const seconds = z.string().regex(/^\d+s$/);

const service = z.strictObject({
  image: text,
  build: z.strictObject({ context: text, dockerfile: text }).optional(),
  user: z.string().regex(/^\d+:\d+$/).optional(),
  command: z.array(text).min(1).optional(),
  entrypoint: z.array(text).min(1).optional(),
  environment: environment.optional(),
  ports: z.array(z.string().regex(/^127\.0\.0\.1:\d{2,5}:\d{2,5}$/)).optional(),
  volumes: z.array(z.string().regex(/^[a-z-]+:\/[a-z/]+$/)).optional(),
  restart: z.string().regex(/^(?:no|always|unless-stopped|on-failure(?::\d+)?)$/),
  stop_grace_period: seconds.optional(),
  mem_limit: z.string().regex(/^\d+m$/).optional(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(text).optional(),
  security_opt: z.array(text).optional(),
  tmpfs: z.array(text).optional(),
  depends_on: z.record(
    text,
    z.strictObject({ condition: z.enum(["service_healthy", "service_completed_successfully"]) }),
  ).optional(),
  healthcheck: z.strictObject({
    test: z.tuple([z.enum(["CMD", "CMD-SHELL"])], text),
    interval: seconds,
    timeout: seconds,
    start_period: seconds.optional(),
    retries: z.number().int().positive(),
  }).optional(),
});

const composeFile = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]*$/),
  services: z.record(z.string().regex(/^[a-z][a-z0-9-]*$/), service),
  volumes: z.record(z.string(), z.null()),
});

/** One service of the file. */
export type ComposeService = z.infer<typeof service>;

/** `deploy/docker-compose.yml`, checked. Throws with every place that is not as it should be. */
export function readComposeFile(): z.infer<typeof composeFile> {
  const file = path.join(projectRoot, "deploy", "docker-compose.yml");
  const parsed = parse(readFileSync(file, "utf8"), { merge: true }) as Record<string, unknown>;
  // Extensions (x-…) hold what is shared by reference.
  const own = Object.entries(parsed).filter(([name]) => !name.startsWith("x-"));
  return composeFile.parse(Object.fromEntries(own));
}

/** `${NAME:-default}` and `${NAME}` as compose replaces them; `$$` is a dollar. */
export function substituted(value: string, env: Readonly<Record<string, string>>): string {
  return value.replace(
    /\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})/g,
    (_all, name: string | undefined, otherwise: string | undefined) => {
      if (name === undefined) return "$";
      const given = env[name];
      return given === undefined || given === "" ? otherwise ?? "" : given;
    },
  );
}

/** The environment of a service as its process gets it. */
export function environmentOf(
  { environment: values = {} }: ComposeService,
  env: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, substituted(value, env)]),
  );
}

/** `NAME=value` lines of an environment file; quotes around a value are taken off. */
export function readEnvFile(name: string): Record<string, string> {
  const lines = readFileSync(path.join(projectRoot, "deploy", name), "utf8").split("\n");
  return Object.fromEntries(
    lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
      const [, key, value] = /^([A-Z][A-Z0-9_]*)='?(.*?)'?$/.exec(line) ?? [];
      if (key === undefined) throw new Error(`${name}: not NAME=value: ${line}`);
      return [key, value ?? ""];
    }),
  );
}
