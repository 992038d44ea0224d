import {
  type Bson,
  type BsonDocument,
  date,
  decimal,
  document,
  double,
  fieldOf,
  int,
  long,
  oid,
  withFields,
  without,
} from "./bson.ts";
import { type Change, insert } from "./debezium.ts";
import type { SeededRandom } from "./random.ts";

const startMs = Date.UTC(2026, 0, 31, 12, 0, 0);
const db = "shop";

const firstNames = ["Anna", "Björn", "Chloé", "Dmitri", "Emre", "Fatou", "Grace", "明"];
const lastNames = ["O'Brien", "Müller", "Nguyen", "Silva", "Kowalski"];
const cities = ["Paris", "Kyoto", "São Paulo", "Oslo", "Cairo"];

/** A 24-digit ObjectId with a telling end. */
function objectId(family: number, index: number): string {
  return `65ba3f${family.toString(16).padStart(4, "0")}${index.toString(16).padStart(14, "0")}`;
}

/**
 * Customers with pre-images: a snapshot, then inserts, updates and deletes. On the way the documents
 * gain `loyalty`, and `credit` grows from 32 bits to 64 and then to a double.
 */
export function customerChanges(random: SeededRandom): Change[] {
  const changes: Change[] = [];
  const live = new Map<number, BsonDocument>();
  const place = (index: number) => ({ db, collection: "customers", ms: startMs + index * 1000 });
  for (let index = 0; index < 60; index++) {
    const customer = newCustomer(random, index, creditOf(random, index));
    live.set(index, customer);
    const change = insert(customer, place(index));
    changes.push(index < 30 ? { ...change, op: "r" } : change);
    if (index < 30 || index % 3 !== 0) continue;
    const target = random.pick([...live.keys()]);
    const before = live.get(target);
    if (before === undefined) continue;
    const id = fieldOf(before, "_id");
    const at = place(index);
    if (index % 4 === 0) {
      live.delete(target);
      changes.push({ ...at, op: "d", id, after: null, before, update: null });
    } else {
      const set = document({ status: "gold", updatedAt: date(at.ms) });
      const after = withFields(before, Object.fromEntries(set.fields));
      live.set(target, after);
      changes.push({ ...at, op: "u", id, after, before, update: { set, removed: [] } });
    }
  }
  return changes;
}

function creditOf(random: SeededRandom, index: number): Bson {
  if (index < 40) return int(random.between(0, 10_000));
  if (index < 50) return long(9_007_199_254_740_993n + BigInt(index));
  return double(`${random.between(0, 10_000)}.5`);
}

function newCustomer(random: SeededRandom, index: number, credit: Bson): BsonDocument {
  const loyalty = document({
    level: random.pick(["silver", "gold"]),
    since: date(startMs - random.between(0, 10 ** 9)),
  });
  return document({
    _id: oid(objectId(1, index)),
    firstName: random.pick(firstNames),
    lastName: random.pick(lastNames),
    email: `customer${index}@example.com`,
    active: random.between(0, 5) > 0,
    credit,
    address: document({
      street: `${random.between(1, 999)} Main Street`,
      city: random.pick(cities),
      geo: document({
        lat: double(`${random.between(-89, 89)}.25`),
        lon: double(`${random.between(-179, 179)}.75`),
      }),
    }),
    tags: random.some(["vip", "newsletter", "churn-risk", "b2b"]),
    createdAt: date(startMs + index * 1000),
    note: index % 10 === 0 ? 'said "hello"\nand left 😀' : null,
    ...(index >= 45 ? { loyalty } : {}),
  });
}

/** Orders: nested lists, decimals, 64-bit numbers; updates without a document among them. */
export function orderChanges(random: SeededRandom): Change[] {
  const changes: Change[] = [];
  for (let index = 0; index < 40; index++) {
    const at = { db, collection: "orders", ms: startMs + index * 1500 };
    const order = newOrder(random, index);
    changes.push(insert(order, at));
    const id = fieldOf(order, "_id");
    const set = document({ status: "paid", paidAt: date(at.ms + 500) });
    const later = { ...at, ms: at.ms + 700, id, before: null };
    if (index % 5 === 1) {
      const after = withFields(without(order, "coupon"), Object.fromEntries(set.fields));
      changes.push({ ...later, op: "u", after, update: { set, removed: ["coupon"] } });
    } else if (index % 5 === 2) {
      // The look-up came too late: the document is gone.
      changes.push({ ...later, op: "u", after: null, update: { set, removed: [] } });
    } else if (index % 5 === 3) {
      changes.push({ ...later, op: "d", after: null, update: null });
    }
  }
  return changes;
}

function newOrder(random: SeededRandom, index: number): BsonDocument {
  const items = Array.from({ length: random.between(1, 4) }, () =>
    document({
      sku: `SKU-${random.between(1000, 9999)}`,
      quantity: int(random.between(1, 9)),
      price: decimal(`${random.between(1, 200)}.${random.between(10, 99)}`),
    }));
  return document({
    _id: long(1_000_000_000_000n + BigInt(index)),
    customer: oid(objectId(1, random.between(0, 30))),
    status: random.pick(["new", "open"]),
    coupon: random.pick<Bson>([null, "WINTER", "SPRING"]),
    items,
    total: decimal(`${random.between(1, 2000)}.${random.between(10, 99)}`),
    orderedAt: date(startMs + index * 1500),
  });
}

/** Products, keyed by text; `price` is an integer first, a double later. */
export function productChanges(random: SeededRandom): Change[] {
  return Array.from({ length: 24 }, (_, index) => {
    const price = index < 12 ? int(random.between(1, 500)) : double(`${random.between(1, 500)}.99`);
    const product = document({
      _id: `product-${index}`,
      name: `${random.pick(["Lamp", "Chair", "Table", "Shelf"])} ${index}`,
      price,
      stock: int(random.between(0, 100)),
      attributes: document({
        colour: random.pick(["red", "white", "oak"]),
        "weight kg": double("1.5"),
      }),
    });
    return insert(product, { db, collection: "products", ms: startMs + index * 800 });
  });
}

/** Stores, few of them. */
export function storeChanges(random: SeededRandom): Change[] {
  return cities.map((city, index) =>
    insert(document({ _id: int(index + 1), city, openSince: int(random.between(1950, 2020)) }), {
      db,
      collection: "stores",
      ms: startMs + index * 100,
    })
  );
}
