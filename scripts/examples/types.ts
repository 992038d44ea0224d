import {
  binary,
  type BsonField,
  date,
  decimal,
  document,
  documentOf,
  double,
  int,
  long,
  oid,
  regex,
  special,
  timestamp,
} from "./bson.ts";
import { type Change, insert } from "./debezium.ts";

const startMs = Date.UTC(2026, 1, 1, 9, 30, 0);
const someId = oid("65ba3f000000000000000001");

/** One document a kind of value, with its extremes. */
const samples: readonly BsonField[][] = [
  [["objectId", someId], ["string", 'é ü 漢字 😀 \u2028 \u0001 "quoted" \\ /'], ["empty", ""]],
  [["int32", int(-2147483648)], ["int32Max", int(2147483647)]],
  [["int64", long(-9223372036854775808n)], ["int64Max", long(9223372036854775807n)]],
  [["beyondDouble", long(9007199254740993n)]],
  [["double", double("4.9E-324")], ["doubleMax", double("1.7976931348623157E308")]],
  [["negativeZero", double("-0.0")], ["third", double("0.3333333333333333")]],
  [["nan", double("NaN")], ["infinity", double("Infinity")], ["minus", double("-Infinity")]],
  [["decimal", decimal("123.4500")], [
    "decimalMax",
    decimal("9999999999999999.999999999999999999"),
  ]],
  // These do not fit decimal(38,18) and are rescued.
  [["decimal", decimal("1E+6144")], ["decimalNaN", decimal("NaN")]],
  [["bool", true], ["not", false], ["nothing", null]],
  [["date", date(1700000000123)], ["before1970", date(-1)], ["year10000", date(253402300800000n)]],
  [["timestamp", timestamp(4294967295, 7)]],
  [["binary", binary("AAEC/w==", "00")], ["user", binary("", "80")]],
  [["uuid", binary("c//SZESzTGmQ6OfR38A11A==", "04")]],
  [["regex", regex('^a/b"c.*$', "im")], ["code", special("code", "function () { return 1; }")]],
  [["minKey", special("minKey")], ["maxKey", special("maxKey")]],
  [["symbol", special("symbol", "sym")], ["undefined", special("undefined")]],
  [["nested", document({ a: document({ b: document({ c: [int(1), int(2)] }) }) })]],
  [["list", ["a", null, "b"]], ["lists", [[int(1)], [int(2), int(3)]]]],
  [["mixed", [int(1), "two", double("3.0"), null]], ["noDocument", document({})], ["noList", []]],
  // Names that cannot be columns, or are ours.
  [["with space", int(1)], ["a.b", int(2)], ["", int(3)], ["_cdc_operation", "mine"]],
  [["Clash", int(1)], ["clash", int(2)]],
];

/** `shop.types`: every BSON type. */
export function typeChanges(): Change[] {
  return samples.map((fields, index) =>
    insert(documentOf([["_id", `sample-${index}`], ...fields]), {
      db: "shop",
      collection: "types",
      ms: startMs + index,
    })
  );
}
