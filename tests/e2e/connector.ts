import type { LiveStack } from "./live-stack.ts";
import { untilRight } from "./until.ts";

type Status = {
  readonly connector?: { readonly state: string };
  readonly tasks?: readonly { readonly state: string; readonly trace?: string }[];
};

/** Deploys the Debezium connector `name`, and waits until its task runs. */
export async function deployConnector(
  { urls }: LiveStack,
  name: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const answer = await fetch(`${urls.connect}/connectors/${name}/config`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      "connector.class": "io.debezium.connector.mongodb.MongoDbConnector",
      "tasks.max": "1",
      "mongodb.connection.string": urls.mongodb,
      "topic.prefix": name,
      "database.include.list": name,
      "capture.mode": "change_streams_update_full",
      "exactly.once.support": "required",
      "poll.interval.ms": "100",
      "cursor.max.await.time.ms": "200",
      ...settings,
    }),
  });
  if (!answer.ok) throw new Error(`Connect answered ${answer.status}: ${await answer.text()}`);
  await untilRight(`the connector ${name}`, async () => {
    const status = await (await fetch(`${urls.connect}/connectors/${name}/status`))
      .json() as Status;
    const states = [status.connector?.state, ...(status.tasks ?? []).map(({ state }) => state)];
    const runs = states.length === 2 && states.every((state) => state === "RUNNING");
    return runs ? null : JSON.stringify(status);
  });
}

/** Removes it; its offsets stay. */
export async function deleteConnector({ urls }: LiveStack, name: string): Promise<void> {
  const url = `${urls.connect}/connectors/${name}`;
  await untilRight(`the end of the connector ${name}`, async () => {
    const answer = await fetch(url, { method: "DELETE" });
    return answer.ok || answer.status === 404 ? null : await answer.text();
  });
}
