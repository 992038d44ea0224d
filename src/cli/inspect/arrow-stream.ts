import { Buffer } from "node:buffer";
import { AsyncByteQueue, RecordBatch, RecordBatchStreamWriter } from "apache-arrow";
import type { ColumnBatch } from "../../delta/columns/column.ts";
import type { StructType } from "../../delta/schema/data-type.ts";
import type { TextSink } from "../world.ts";
import { arrowData, arrowSchema } from "./arrow-columns.ts";

/**
 * Writes rows as an Arrow IPC stream, a record batch for each batch; a table without rows is a
 * stream with a schema. Ends quietly when the reader of the output goes away.
 */
export async function writeArrow(
  out: TextSink,
  batches: AsyncIterable<ColumnBatch>,
  schema: StructType,
): Promise<void> {
  const chunks: Uint8Array[] = [];
  const queue = new AsyncByteQueue();
  // Taken as they come: through the queue the writer would run ahead of the reader.
  queue.write = (chunk): void => {
    if (chunk instanceof Uint8Array) chunks.push(chunk);
  };
  const flush = async (): Promise<void> => {
    await out.writeBytes(Buffer.concat(chunks.splice(0)));
  };
  const arrow = arrowSchema(schema);
  const writer = new RecordBatchStreamWriter();
  writer.reset(queue, arrow);
  for await (const batch of batches) {
    writer.write(new RecordBatch(arrow, arrowData(batch, schema)));
    await flush();
    if (out.closed.aborted) return;
  }
  writer.finish();
  await flush();
}
