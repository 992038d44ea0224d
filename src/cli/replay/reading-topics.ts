import type { ResolvedSettings } from "../settings/resolve-settings.ts";

/** Settings of a run that reads these topics of Kafka and nothing else, for nobody to watch. Pure. */
export function readingTopics(
  resolved: ResolvedSettings,
  topics: readonly string[],
): ResolvedSettings {
  const names = [...new Set(topics)].map((topic) => topic.replaceAll(".", "\\."));
  const values = {
    ...resolved.values,
    source: null,
    follow: false,
    httpPort: "off" as const,
    kafkaTopicPattern: names.join("|"),
  };
  return { ...resolved, values };
}
