import type { CompactionEvent } from "../../core/compaction/compaction-event.ts";
import type { PumpEvent } from "../../core/pump/pump-events.ts";
import type { KafkaSourceEvent } from "../../core/source/kafka/kafka-source-event.ts";
import type { RetryEvent } from "../../delta/storage/retrying-store.ts";
import type { SignalName } from "../world.ts";

/** What happens in a run, from every part of it, for all that watch: log, metrics, readiness. */
export type RunEvent =
  | { readonly kind: "pump"; readonly event: PumpEvent }
  | { readonly kind: "kafka"; readonly event: KafkaSourceEvent }
  | { readonly kind: "compaction"; readonly event: CompactionEvent }
  /** A call to the store is repeated. */
  | { readonly kind: "store-retry"; readonly event: RetryEvent }
  /** A call to the store was answered; `why` is null, or why it failed although it should not. */
  | { readonly kind: "store-answer"; readonly why: string | null }
  /** Told to end. */
  | { readonly kind: "stopping"; readonly signal: SignalName };

export type RunObserver = (event: RunEvent) => void;
