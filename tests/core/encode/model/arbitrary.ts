import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { Bson } from "./bson.ts";

export type Flavour = "v1" | "relaxed" | "canonical";
export const flavours: readonly Flavour[] = ["v1", "relaxed", "canonical"];

type Member = readonly [string, Bson];

/** Few names, so that documents meet in the same columns; some clash, some cannot be columns. */
const names = fc.constantFrom(
  "a",
  "b",
  "c",
  "A",
  "_id",
  "ünï",
  "x.y",
  "$set",
  "t",
  "i",
  "",
  "sp ace",
  "sl/ash~",
  'quo"te\\',
  "_Kafka_Offset",
  "__proto__",
);

const doubles = fc.oneof(
  fc.double(),
  fc.constantFrom(0, -0, 1, 3, 1.5, -2147483649, 1e10, 2 ** 53, 1e300, 5e-324, 0.1, NaN, Infinity),
  fc.integer().map((n) => n / 100),
);

const integers = fc.oneof(
  fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  fc.bigInt(-200n, 200n),
  fc.constantFrom(2147483647n, 2147483648n, -2147483648n, -2147483649n, 9007199254740993n),
);

const decimals = fc.oneof(
  fc.constantFrom("0", "-0", "0E-10", "1E+3", "NaN", "-Infinity", "9.99E+6144", "1E-6176", "5"),
  fc.constantFrom(
    "0.5",
    "1.000000",
    "99999999999999999999.999999999999999999",
    "1E20",
    "2147483648",
  ),
  fc.tuple(fc.integer(), fc.nat(99)).map(([whole, part]) => `${whole}.${part}`),
);

const texts = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }));

const scalars: fc.Arbitrary<Bson> = fc.oneof(
  {
    weight: 3,
    arbitrary: integers.map((v): Bson => isInt(v) ? { t: "int", v } : { t: "long", v }),
  },
  integers.map((v): Bson => ({ t: "long", v })),
  { weight: 2, arbitrary: doubles.map((v): Bson => ({ t: "double", text: doubleText(v) })) },
  decimals.map((text): Bson => ({ t: "decimal", text })),
  { weight: 2, arbitrary: texts.map((v): Bson => ({ t: "string", v })) },
  fc.boolean().map((v): Bson => ({ t: "bool", v })),
  fc.constant<Bson>({ t: "null" }),
  fc.oneof(
    fc.constant<Bson>({ t: "oid", v: "596e275826f08b2730779e1f" }),
    fc.constantFrom(0n, -1n, 1525761252345n, 253402300799999n, 253402300800000n, -62135596800001n)
      .map((ms): Bson => ({ t: "date", ms })),
    fc.tuple(fc.uint8Array({ maxLength: 20 }), fc.nat(255))
      .map(([bytes, subtype]): Bson => ({ t: "binary", bytes, subtype })),
    fc.uint8Array({ minLength: 16, maxLength: 16 })
      .map((bytes): Bson => ({ t: "binary", bytes, subtype: 4 })),
    fc.constant<Bson>({ t: "timestamp", time: 4294967295, increment: 7 }),
    texts.map((v): Bson => ({ t: "symbol", v })),
    texts.map((pattern): Bson => ({ t: "regex", pattern, options: "im" })),
    texts.map((v): Bson => ({ t: "code", v, scope: null })),
    fc.constantFrom<Bson>({ t: "minKey" }, { t: "maxKey" }, { t: "undefined" }),
  ),
);

function isInt(v: bigint): boolean {
  return v >= -(2n ** 31n) && v < 2n ** 31n;
}

/** As Java writes doubles: never without a point or an exponent. */
function doubleText(v: number): string {
  if (Object.is(v, -0)) return "-0.0";
  const text = String(v);
  return Number.isInteger(v) && !text.includes("e") ? `${text}.0` : text;
}

const { value, members } = fc.letrec<{ value: Bson; members: readonly Member[] }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 4, arbitrary: scalars },
    tie("members").map((own): Bson => ({ t: "document", members: own })),
    fc.array(tie("value"), { maxLength: 4 }).map((items): Bson => ({ t: "array", items })),
  ),
  members: fc.uniqueArray(fc.tuple(names, tie("value")), {
    maxLength: 6,
    selector: ([name]) => name,
  }),
}));

/** Documents whose fields meet, clash, change their types and cannot all be columns. */
export const documents: fc.Arbitrary<readonly (readonly Member[])[]> = fc.array(members, {
  maxLength: 12,
});

/** Any value, for keys. */
export const anyValue: fc.Arbitrary<Bson> = value;

/** What a value still means when it was written in a flavour: some types look alike there. */
export function meaningIn(value: Bson, flavour: Flavour): Bson {
  switch (value.t) {
    case "long":
      return flavour === "relaxed" && isInt(value.v) ? { t: "int", v: value.v } : value;
    case "array":
      return { t: "array", items: value.items.map((one) => meaningIn(one, flavour)) };
    case "document":
      return { t: "document", members: meaningOf(value.members, flavour) };
    default:
      return value;
  }
}

/** `meaningIn` for a document's members. */
export function meaningOf(own: readonly Member[], flavour: Flavour): readonly Member[] {
  return own.map(([name, one]) => [name, meaningIn(one, flavour)] as const);
}

/** Extended JSON of a flavour, as MongoDB's Java driver writes it. */
export function render(value: Bson, flavour: Flavour): string {
  const one = (name: string, inner: string) => `{"${name}": ${inner}}`;
  const quoted = (text: string) => JSON.stringify(text);
  const canonical = flavour === "canonical";
  switch (value.t) {
    case "null":
      return "null";
    case "bool":
      return String(value.v);
    case "int":
      return canonical ? one("$numberInt", `"${value.v}"`) : String(value.v);
    case "long":
      return flavour === "relaxed" ? String(value.v) : one("$numberLong", `"${value.v}"`);
    case "double": {
      const finite = Number.isFinite(Number(value.text));
      const bare = flavour === "v1" || (flavour === "relaxed" && finite);
      return bare ? value.text : one("$numberDouble", `"${value.text}"`);
    }
    case "decimal":
      return one("$numberDecimal", quoted(value.text));
    case "string":
      return quoted(value.v);
    case "symbol":
      return one("$symbol", quoted(value.v));
    case "oid":
      return one("$oid", quoted(value.v));
    case "date":
      return one("$date", dateText(value.ms, flavour));
    case "timestamp":
      return one("$timestamp", `{"t": ${value.time},"i": ${value.increment}}`);
    case "binary": {
      const base64 = quoted(Buffer.from(value.bytes).toString("base64"));
      const subtype = quoted(value.subtype.toString(16).padStart(2, "0").toUpperCase());
      return flavour === "v1"
        ? `{"$binary": ${base64},"$type": ${subtype}}`
        : one("$binary", `{"base64": ${base64},"subType": ${subtype}}`);
    }
    case "regex": {
      const [pattern, options] = [quoted(value.pattern), quoted(value.options)];
      return flavour === "v1"
        ? `{"$regex": ${pattern},"$options": ${options}}`
        : one("$regularExpression", `{"pattern": ${pattern},"options": ${options}}`);
    }
    case "code":
      return one("$code", quoted(value.v));
    case "pointer":
      return one(
        "$dbPointer",
        `{"$ref": ${quoted(value.ref)},"$id": ${render(value.id, flavour)}}`,
      );
    case "minKey":
    case "maxKey":
      return one(`$${value.t}`, "1");
    case "undefined":
      return one("$undefined", "true");
    case "array":
      return `[${value.items.map((item) => render(item, flavour)).join(",")}]`;
    case "document":
      return renderDocument(value.members, flavour);
  }
}

/** A document's text. */
export function renderDocument(own: readonly Member[], flavour: Flavour): string {
  const inner = own.map(([name, one]) => `${JSON.stringify(name)}: ${render(one, flavour)}`);
  return `{${inner.join(",")}}`;
}

function dateText(ms: bigint, flavour: Flavour): string {
  if (flavour === "v1") return String(ms);
  if (flavour === "canonical" || ms < 0n || ms > 253402300799999n) {
    return `{"$numberLong": "${ms}"}`;
  }
  return JSON.stringify(new Date(Number(ms)).toISOString().replace(".000Z", "Z"));
}
