import { describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import fc from "fast-check";
import {
  encodeAssignment,
  encodeSubscription,
  parseAssignment,
  parseSubscription,
} from "../../../../src/core/source/kafka/member-protocol.ts";

type Decoded = { readonly version: number; readonly topics?: readonly string[] };
// Another implementation than the one under test: what tools written with kafkajs read.
const { MemberMetadata, MemberAssignment } = createRequire(import.meta.url)(
  "kafkajs/src/consumer/assignerProtocol",
) as {
  readonly MemberMetadata: { decode(bytes: Buffer): Decoded };
  readonly MemberAssignment: {
    decode(bytes: Buffer): { readonly assignment: Readonly<Record<string, readonly number[]>> };
  };
};

const topic = fc.string({ minLength: 1, maxLength: 12 });
const partitions = fc.uniqueArray(
  fc.record({ topic, partition: fc.nat(1000) }),
  { maxLength: 20, selector: (one) => `${one.partition} ${one.topic}` },
);
const sorted = (list: readonly { readonly topic: string; readonly partition: number }[]) =>
  list.map((one) => `${one.partition} ${one.topic}`).sort();

describe("what members tell each other", () => {
  test("a subscription comes back as it was", () => {
    fc.assert(
      fc.property(
        fc.record({
          topics: fc.array(topic),
          pattern: fc.option(fc.string()),
          flags: fc.constantFrom("", "u", "iu"),
          owned: partitions,
          ownedGeneration: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
        }),
        (subscription) => {
          const parsed = parseSubscription(encodeSubscription(subscription))!;
          expect({ ...parsed, owned: sorted(parsed.owned) })
            .toEqual({ ...subscription, owned: sorted(subscription.owned) });
        },
      ),
    );
  });

  test("an assignment comes back as it was", () => {
    fc.assert(
      fc.property(partitions, partitions, (given, appearedLater) => {
        const parsed = parseAssignment(encodeAssignment({ partitions: given, appearedLater }))!;
        expect(sorted(parsed.partitions)).toEqual(sorted(given));
        expect(sorted(parsed.appearedLater)).toEqual(sorted(appearedLater));
      }),
    );
  });

  test("no assignment at all is an empty one", () => {
    expect(parseAssignment(new Uint8Array(0))).toEqual({ partitions: [], appearedLater: [] });
  });

  test("other programs can read both", () => {
    const owned = [{ topic: "shop.a", partition: 3 }];
    const subscription = {
      topics: ["shop.a", "shop.b"],
      pattern: "x",
      flags: "",
      owned,
      ownedGeneration: 4,
    };
    const decoded = MemberMetadata.decode(Buffer.from(encodeSubscription(subscription)));
    expect(decoded).toMatchObject({ version: 2, topics: ["shop.a", "shop.b"] });
    const assignment = encodeAssignment({ partitions: owned, appearedLater: [] });
    expect(MemberAssignment.decode(Buffer.from(assignment)).assignment)
      .toEqual({ "shop.a": [3] });
  });

  test("bytes that are something else are recognised, whatever they are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        parseSubscription(bytes);
        parseAssignment(bytes);
      }),
    );
    expect(parseSubscription(Uint8Array.of(0, 1, 127, 255, 255, 255))).toBeNull();
    expect(parseAssignment(Uint8Array.of(0, 1, 0, 0, 0, 9))).toBeNull();
  });
});
