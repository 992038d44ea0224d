/** Opens a table for open.ts, in a process of its own: `bun open-one.ts URI state|files`. */
import process from "node:process";
import { systemClock } from "../../src/cli/clock.ts";
import { systemRandom } from "../../src/cli/random.ts";
import { openVersion } from "../../src/delta/log/snapshot.ts";
import { requireTableState } from "../../src/delta/log/table-state.ts";
import { openStore } from "../../src/delta/storage/open-store.ts";

const [uri = "", what = "files"] = process.argv.slice(2);
const { signal } = new AbortController();
const endpoint = process.env["AWS_ENDPOINT_URL"];
const store = openStore(uri, {
  s3: endpoint === undefined ? {} : { endpoint, region: "us-east-1" },
});
const engine = { store, clock: systemClock, random: systemRandom };
const start = performance.now();
let files = 0;
let version: number;
if (what === "state") version = (await requireTableState(engine, { signal })).version;
else {
  const opened = await openVersion(engine, { signal });
  version = opened.state.version;
  for await (const { adds } of opened.files({ signal })) files += adds.length;
}
const seconds = (performance.now() - start) / 1000;
process.stdout.write(`${JSON.stringify({ version, files, seconds })}\n`);
store.close();
