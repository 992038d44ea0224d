import { labelSetsMax } from "../../limits.ts";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { type MetricName, type MetricSpec, metricTable } from "./metric-table.ts";

type Labels = Readonly<Record<string, string>>;

/** The metrics of one run, in Prometheus' text form. */
export type MetricRegistry = {
  /** Adds to a counter. */
  add(name: MetricName, value: number, labels?: Labels): void;
  /** Sets a gauge, or a counter that somebody else counts. */
  set(name: MetricName, value: number, labels?: Labels): void;
  /** Adds to a histogram; seconds. */
  observe(name: MetricName, seconds: number): void;
  /** Forgets all values of a gauge with labels. */
  clear(name: MetricName): void;
  text(): Promise<string>;
  readonly contentType: string;
};

type Instrument = {
  readonly metric: Counter | Gauge | Histogram;
  readonly labelSets: Set<string>;
};

/** A registry of its own with every metric of the table. */
export function metricRegistry(): MetricRegistry {
  const registry = new Registry();
  const instruments = new Map<string, Instrument>();
  for (const [name, spec] of Object.entries<MetricSpec>(metricTable)) {
    instruments.set(name, { metric: createMetric(registry, name, spec), labelSets: new Set() });
  }
  const of = (name: MetricName): Instrument => instruments.get(name)!;
  return {
    add(name, value, labels = {}) {
      const { metric, labelSets } = of(name);
      if (metric instanceof Counter) metric.inc(bounded(labelSets, labels), value);
    },
    set(name, value, labels = {}) {
      const { metric, labelSets } = of(name);
      if (metric instanceof Gauge) metric.set(bounded(labelSets, labels), value);
      if (metric instanceof Counter) {
        metric.reset();
        metric.inc(labels, value);
      }
    },
    observe(name, seconds) {
      const { metric } = of(name);
      if (metric instanceof Histogram) metric.observe(seconds);
    },
    clear(name) {
      const { metric, labelSets } = of(name);
      metric.reset();
      labelSets.clear();
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function createMetric(
  registry: Registry,
  name: string,
  { type, help, labels, buckets }: MetricSpec,
): Instrument["metric"] {
  const options = { name, help, labelNames: [...labels], registers: [registry] };
  switch (type) {
    case "counter":
      return new Counter(options);
    case "gauge":
      return new Gauge(options);
    case "histogram":
      return new Histogram({ ...options, buckets: [...buckets ?? []] });
  }
}

/** A stream of odd data must not grow the registry without end. */
function bounded(known: Set<string>, labels: Labels): Labels {
  const values = Object.values(labels);
  if (values.length === 0) return labels;
  const name = JSON.stringify(values);
  if (known.has(name) || known.size < labelSetsMax) {
    known.add(name);
    return labels;
  }
  return Object.fromEntries(Object.keys(labels).map((label) => [label, "(other)"]));
}
