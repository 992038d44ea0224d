import { runCli } from "./run-cli.ts";
import { processWorld } from "./world.ts";

const world = processWorld();
void runCli(world).then((code) => world.exit(code));
