import { type SeededRandom, seededRandom } from "../examples/random.ts";

const firstNames = ["Anna", "Björn", "Chloé", "Dmitri", "Emre", "Fatou", "Grace", "明"];
const lastNames = ["O'Brien", "Müller", "Nguyen", "Silva", "Kowalski"];
const statuses = ["new", "open", "paid", "closed", "void"];
const cities = ["Paris", "Kyoto", "São Paulo", "Oslo", "Cairo"];
const tagPairs = [["vip", "b2b"], ["newsletter", "vip"], ["churn-risk", "newsletter"]];
const startMs = 1_700_000_000_000;
const partitions = 4;

/** Lines of benchmark events: bare Debezium values, or as `kcat -J` prints them. */
export type EventMaker = (index: number) => string;

/**
 * Debezium MongoDB events of about 1.1 KB with 24 leaf fields in one shape: 10 % deletes, 30 %
 * updates, the rest inserts. The n-th line depends on the seed and the lines made before it.
 */
export function eventMaker(options: { readonly seed: number; readonly kcat: boolean }): EventMaker {
  const random = seededRandom(options.seed);
  return (index) => {
    const value = eventText(random, index);
    return options.kcat ? kcatLine(value, index) : value;
  };
}

function objectId(index: number): string {
  return `65a1${index.toString(16).padStart(20, "0")}`;
}

function eventText(random: SeededRandom, index: number): string {
  const ms = startMs + index;
  const op = index % 10 === 9 ? "d" : index % 3 === 0 ? "u" : "c";
  const status = random.pick(statuses);
  const after = op === "d" ? "null" : JSON.stringify(documentText(random, { index, ms, status }));
  const updated = JSON.stringify(JSON.stringify({ status }));
  const description = op === "u"
    ? `{"removedFields":null,"updatedFields":${updated},"truncatedArrays":null}`
    : "null";
  const source = `{"version":"3.6.1.Final","connector":"mongodb","name":"cdc","ts_ms":${ms},` +
    `"snapshot":"false","db":"inventory","sequence":null,"ts_us":${ms}000,"ts_ns":${ms}000000,` +
    `"collection":"customers","ord":1,"lsid":null,"txnNumber":null,"wallTime":${ms}}`;
  return `{"before":null,"after":${after},"updateDescription":${description},"source":${source},` +
    `"op":"${op}","ts_ms":${ms + 5},"transaction":null}`;
}

type Facts = { readonly index: number; readonly ms: number; readonly status: string };

/** The document as legacy Extended JSON, as Debezium writes it. */
function documentText(random: SeededRandom, { index, ms, status }: Facts): string {
  const { between, pick } = random;
  const items = [0, 1].map(() =>
    `{"sku": "SKU-${between(0, 9999)}","qty": ${between(1, 9)},"price": ${
      fraction(random, 9900, 2)
    }}`
  );
  const tags = pick(tagPairs).map((tag) => `"${tag}"`);
  const cents = String(between(0, 100)).padStart(2, "0");
  return `{"_id": {"$oid": "${objectId(index)}"},"customerId": ${between(1, 5_000_000)},` +
    `"orderNo": {"$numberLong": "${10 ** 12 + index}"},"firstName": "${pick(firstNames)}",` +
    `"lastName": "${pick(lastNames)}","email": "user${between(0, 10 ** 6)}@example.com",` +
    `"status": "${status}","active": ${between(0, 5) > 0},"score": ${
      fraction(random, 10 ** 6, 4)
    },` +
    `"balance": {"$numberDecimal": "${between(0, 10 ** 5)}.${cents}"},` +
    `"createdAt": {"$date": ${ms - between(0, 10 ** 9)}},"updatedAt": {"$date": ${ms}},` +
    `"address": {"street": "${between(1, 999)} Main Street","city": "${pick(cities)}",` +
    `"zip": "${String(between(0, 99_999)).padStart(5, "0")}",` +
    `"geo": {"lat": ${signed(random, 90)},"lon": ${signed(random, 180)}}},` +
    `"tags": [${tags.join(",")}],"items": [${items.join(",")}],` +
    `"note": "lorem \\"quoted\\" ipsum\\nline ${index % 50}"}`;
}

/** A double that is never whole, with one digit more than `digits`. */
function fraction(random: SeededRandom, limit: number, digits: number): string {
  const value = random.between(1, limit);
  const scale = 10 ** digits;
  const decimals = String(value % scale).padStart(digits, "0");
  return `${Math.floor(value / scale)}.${decimals}5`;
}

function signed(random: SeededRandom, limit: number): string {
  return `${random.between(0, 2) === 0 ? "-" : ""}${fraction(random, limit * 10 ** 5, 5)}`;
}

function kcatLine(value: string, index: number): string {
  const key = JSON.stringify(JSON.stringify({ id: JSON.stringify({ $oid: objectId(index) }) }));
  const offset = Math.floor(index / partitions);
  return `{"topic":"cdc.inventory.customers","partition":${index % partitions},` +
    `"offset":${offset},"ts":${startMs + index},"key":${key},"payload":${JSON.stringify(value)}}`;
}
