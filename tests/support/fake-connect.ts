import { type HttpStub, startHttpStub, type StubAnswer, type StubRequest } from "./http-stub.ts";

/** What the next request gets instead of Connect's own answer; null: Connect's own. */
export type ConnectFault = (
  request: StubRequest,
  index: number,
) => StubAnswer | Promise<StubAnswer> | null;

export type FakeConnectOptions = {
  readonly fault?: ConnectFault;
  /** Classes that are installed. */
  readonly plugins?: readonly { readonly class: string; readonly type: string }[];
  /** Errors of the validation, by field; with the whole configuration at hand. */
  readonly validate?: (
    config: Readonly<Record<string, string>>,
  ) => Readonly<Record<string, readonly string[]>>;
  /** State of the one task at a look, counted from the last change of the connector. */
  readonly taskState?: (look: number, name: string) => string;
  readonly trace?: string;
};

type Connector = {
  config: Record<string, string>;
  state: "RUNNING" | "PAUSED" | "STOPPED";
  looks: number;
};

/** A Kafka Connect in memory behind real HTTP; faults come from outside. */
export type FakeConnect = {
  readonly url: string;
  readonly stub: HttpStub;
  readonly connectors: Map<string, Connector>;
  /** Stored offsets by connector; they outlive it. */
  readonly offsets: Map<string, { partition: object; offset: object }[]>;
  /** `PUT /connectors/a/config`, in order. */
  readonly calls: () => readonly string[];
  stop(): Promise<void>;
};

const mongoClass = "io.debezium.connector.mongodb.MongoDbConnector";
const passwordFields = ["mongodb.password", "my.hidden.thing"];

/** Starts one; stop it in the end. */
export async function startFakeConnect(options: FakeConnectOptions = {}): Promise<FakeConnect> {
  const connectors: FakeConnect["connectors"] = new Map();
  const offsets: FakeConnect["offsets"] = new Map();
  const stub = await startHttpStub(async (request, index) =>
    await options.fault?.(request, index) ?? own(request)
  );
  const calls = (): readonly string[] =>
    stub.requests.map(({ method, url }) => `${method} ${url.replace(/\?.*$/, "")}`);

  function own(request: StubRequest): StubAnswer {
    const { pathname } = new URL(request.url, "http://connect");
    const path = pathname.split("/").slice(1).map(decodeURIComponent);
    const [root, name = "", verb = ""] = path;
    if (root === "") return json({ version: "4.3.1", commit: "c", kafka_cluster_id: "k" });
    if (root === "health") return json({ status: "healthy", message: "ready" });
    if (root === "connector-plugins") return name === "" ? plugins() : validation(request);
    if (root !== "connectors") return errorAnswer(404, "HTTP 404 Not Found");
    if (name === "") {
      return json(Object.fromEntries(
        [...connectors.keys()].map((each) => [each, {
          status: statusOf(each),
          info: { name: each, config: connectors.get(each)?.config, tasks: [], type: "source" },
        }]),
      ));
    }
    return ofConnector(request, name, verb);
  }

  function plugins(): StubAnswer {
    const found = options.plugins ?? [{ class: mongoClass, type: "source" }];
    return json(found.map((plugin) => ({ ...plugin, version: "3.6.1.Final" })));
  }

  function validation(request: StubRequest): StubAnswer {
    const config = JSON.parse(request.body.toString()) as Record<string, string>;
    const errors = options.validate?.(config) ?? {};
    const names = new Set([...Object.keys(config), ...Object.keys(errors), ...passwordFields]);
    names.add("exactly.once.support");
    return json({
      name: mongoClass,
      error_count: Object.values(errors).flat().length,
      groups: [],
      configs: [...names].map((name) => ({
        definition: { name, type: passwordFields.includes(name) ? "PASSWORD" : "STRING" },
        value: { name, value: config[name] ?? null, errors: errors[name] ?? [], visible: true },
      })),
    });
  }

  function ofConnector(request: StubRequest, name: string, verb: string): StubAnswer {
    const { method } = request;
    const found = connectors.get(name);
    if (method === "PUT" && verb === "config") {
      const config = JSON.parse(request.body.toString()) as Record<string, string>;
      const state = found?.state ?? "RUNNING";
      connectors.set(name, { config, state, looks: 0 });
      return json({ name, config, tasks: [], type: "source" }, found === undefined ? 201 : 200);
    }
    if (found === undefined) return errorAnswer(404, `Connector ${name} not found`);
    switch (`${method} ${verb}`) {
      case "GET config":
        return json(found.config);
      case "GET status":
        found.looks++;
        return json(statusOf(name));
      case "DELETE ":
        connectors.delete(name);
        return { status: 204 };
      case "GET offsets":
        return json({ offsets: offsets.get(name) ?? [] });
      case "DELETE offsets":
        if (found.state !== "STOPPED") {
          return errorAnswer(400, "Connectors must be in the STOPPED state before their offsets");
        }
        offsets.delete(name);
        return json({ message: "The offsets for this connector have been reset successfully" });
      case "POST restart":
        found.looks = 0;
        return json(statusOf(name), 202);
      case "PUT pause":
      case "PUT resume":
      case "PUT stop":
        found.looks = 0;
        found.state = verb === "pause" ? "PAUSED" : verb === "stop" ? "STOPPED" : "RUNNING";
        return { status: verb === "stop" ? 204 : 202 };
      default:
        return errorAnswer(405, "HTTP 405 Method Not Allowed");
    }
  }

  function statusOf(name: string): object {
    const { state, looks } = connectors.get(name) ?? { state: "UNASSIGNED", looks: 0 };
    const worker_id = "connect:8083";
    const task = state === "RUNNING" ? options.taskState?.(looks, name) ?? "RUNNING" : state;
    const failure = task === "FAILED" ? { trace: options.trace ?? "java.lang.Error: no" } : {};
    const tasks = state === "STOPPED" ? [] : [{ id: 0, state: task, worker_id, ...failure }];
    return { name, connector: { state, worker_id }, tasks, type: "source" };
  }

  return { url: stub.url, stub, connectors, offsets, calls, stop: () => stub.stop() };
}

/** An answer in Connect's own form. */
export function errorAnswer(status: number, message: string): StubAnswer {
  return json({ error_code: status, message }, status);
}

/** A page such as proxies send. */
export function pageAnswer(status: number, title: string): StubAnswer {
  return {
    status,
    headers: { "content-type": "text/html" },
    body: `<html><head><title>${title}</title><style>p {}</style></head>` +
      `<body><h1>${title}</h1><p>nginx</p></body></html>`,
  };
}

function json(body: unknown, status = 200): StubAnswer {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}
