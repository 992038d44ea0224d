import type { Protocol } from "../log/actions.ts";
import { protocolFeatures } from "../log/table-features.ts";
import type { TableState } from "../log/table-state.ts";
import { typeName } from "../schema/type-name.ts";
import { featureAllowsChange, recordTypeChanges } from "../schema/type-widening.ts";
import { metadataWithSchema } from "./grow-schema.ts";
import { changeParameters, type WidenPlan, type WidenRequest } from "./widen-plan.ts";

const typeWidening = "typeWidening";

/**
 * Drafts the commit that records wider types in the schema's metadata and leaves all files as they
 * are (PROTOCOL.md, "Type Widening"). Refused for changes that the feature does not have. Pure.
 */
export function featureDraft(
  state: TableState,
  { schema, changes }: Pick<WidenRequest, "schema" | "changes">,
): WidenPlan {
  const misfit = changes.find(({ from, to }) =>
    from.kind !== "void" && !featureAllowsChange(from, to)
  );
  if (misfit !== undefined) {
    const why = `table feature ${typeWidening} cannot turn ${misfit.path} from ` +
      `${typeName(misfit.from)} into ${typeName(misfit.to)}`;
    return { kind: "refused", why, state };
  }
  const features = protocolFeatures(state.protocol);
  const needsNtz = changes.some(({ to }) => to.kind === "timestamp_ntz");
  if (needsNtz && !features.includes("timestampNtz")) {
    const why = "a timestamp_ntz column needs table feature timestampNtz, which the table lacks";
    return { kind: "refused", why, state };
  }
  const metadata = metadataWithSchema(state, recordTypeChanges(state.schema, schema));
  const configuration = { ...metadata.configuration, "delta.enableTypeWidening": "true" };
  return {
    kind: "ready",
    base: state,
    draft: {
      operation: "CHANGE COLUMN",
      operationParameters: changeParameters(changes),
      // Files that a winner adds are narrower, which the feature allows.
      reads: { kind: "blind-append" },
      dataChange: false,
      metadata: { ...metadata, configuration },
      ...(isEnabled(state.protocol) ? {} : { protocol: withTypeWidening(state.protocol) }),
    },
  };
}

function isEnabled({ readerFeatures, writerFeatures }: Protocol): boolean {
  return [readerFeatures, writerFeatures].every((names) =>
    names?.some((name) => name === typeWidening || name === `${typeWidening}-preview`) === true
  );
}

/** Table features list all that the protocol's version numbers implied before. */
function withTypeWidening(protocol: Protocol): Protocol {
  const readerFeatures = protocol.minReaderVersion >= 3
    ? protocol.readerFeatures ?? []
    : protocol.minReaderVersion === 2
    ? ["columnMapping"]
    : [];
  return {
    minReaderVersion: 3,
    minWriterVersion: 7,
    readerFeatures: [...readerFeatures, typeWidening],
    writerFeatures: [...protocolFeatures(protocol), typeWidening],
  };
}
