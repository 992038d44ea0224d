import manifest from "../../package.json" with { type: "json" };

/** cdcdelta's own version, as package.json has it; written into `engineInfo` as well. */
export const version: string = manifest.version;

/** `cdcdelta/0.1.0`. */
export const engineInfo = `cdcdelta/${version}`;
