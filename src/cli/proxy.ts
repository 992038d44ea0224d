type ProxySettings = {
  readonly httpProxy: string | null;
  readonly httpsProxy: string | null;
  /** Hosts and domains that are reached directly, separated by commas; `*` is all. */
  readonly proxyBypass: string | null;
};

/** The proxy to reach an endpoint by, or null. Pure. */
export function proxyFor(endpoint: string, settings: ProxySettings): string | null {
  const url = new URL(endpoint);
  const proxy = url.protocol === "https:" ? settings.httpsProxy : settings.httpProxy;
  if (proxy === null || proxy === undefined) return null;
  const bypassed = (settings.proxyBypass ?? "").split(",").map((entry) => entry.trim())
    .some((entry) => matches(entry, url));
  return bypassed ? null : proxy;
}

/** The habits of `NO_PROXY`: `host`, `.domain`, `*.domain`, `host:port`, `*`. */
function matches(entry: string, url: URL): boolean {
  if (entry === "") return false;
  if (entry === "*") return true;
  const text = entry.toLowerCase();
  const split = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(text);
  const host = (split?.[1] ?? text).replace(/^\[|\]$/g, "");
  const port = split?.[2];
  const urlPort = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  if (port !== undefined && port !== urlPort) return false;
  const domain = host.replace(/^\*?\./, "");
  const name = url.hostname.replace(/^\[|\]$/g, "");
  return name === domain || name.endsWith(`.${domain}`);
}
