import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { TopicPartition } from "../../../../src/core/kafka/kafka-client.ts";
import {
  type AssignMember,
  assignPartitions,
} from "../../../../src/core/source/kafka/assign-partitions.ts";

const topics = ["a", "b", "c", "d"];
const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`;

/** Partitions of some topics. */
const arbitraryPartitions: fc.Arbitrary<TopicPartition[]> = fc.tuple(
  ...topics.map(() => fc.integer({ min: 0, max: 7 })),
).map((counts) =>
  topics.flatMap((topic, index) =>
    Array.from({ length: counts[index]! }, (_, partition) => ({ topic, partition }))
  )
);

type Spec = {
  readonly reads: readonly string[];
  readonly owned: number[];
  readonly generation: number;
};

const arbitraryMembers = (equal: boolean) =>
  fc.array(
    fc.record({
      reads: equal ? fc.constant(topics) : fc.subarray(topics, { minLength: 1 }),
      owned: fc.array(fc.nat(40), { maxLength: 12 }),
      generation: fc.integer({ min: -1, max: 3 }),
    }),
    { minLength: 1, maxLength: 6 },
  );

function membersOf(specs: readonly Spec[], partitions: readonly TopicPartition[]): AssignMember[] {
  return specs.map(({ reads, owned, generation }, index) => ({
    memberId: `m${index}`,
    reads: (topic) => reads.includes(topic),
    owned: owned.map((at) => partitions[at] ?? { topic: "gone", partition: at }),
    ownedGeneration: generation,
  }));
}

const property = (equal: boolean, check: (specs: Spec[], partitions: TopicPartition[]) => void) =>
  fc.assert(fc.property(arbitraryMembers(equal), arbitraryPartitions, check), { numRuns: 500 });

describe("assignment", () => {
  test("every partition that anybody reads goes to exactly one who reads it", () => {
    property(false, (specs, partitions) => {
      const members = membersOf(specs, partitions);
      const shares = assignPartitions(members, partitions);
      expect([...shares.keys()].sort()).toEqual(members.map(({ memberId }) => memberId));
      const given = [...shares.values()].flat().map(nameOf).sort();
      const wanted = partitions.filter(({ topic }) => members.some(({ reads }) => reads(topic)));
      expect(given).toEqual(wanted.map(nameOf).sort());
      for (const { memberId, reads } of members) {
        expect(shares.get(memberId)!.every(({ topic }) => reads(topic))).toBe(true);
      }
    });
  });

  test("members of equal patterns differ by one partition at most", () => {
    property(true, (specs, partitions) => {
      const shares = assignPartitions(membersOf(specs, partitions), partitions);
      const sizes = [...shares.values()].map((share) => share.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    });
  });

  test("nobody could take a partition from a member that has two more", () => {
    property(false, (specs, partitions) => {
      const members = membersOf(specs, partitions);
      const shares = assignPartitions(members, partitions);
      for (const { memberId, reads } of members) {
        for (const [other, share] of shares) {
          if (other === memberId || share.length < shares.get(memberId)!.length + 2) continue;
          expect(share.some(({ topic }) => reads(topic))).toBe(false);
        }
      }
    });
  });

  test("what is balanced stays as it is, and joins and leaves move the fewest", () => {
    property(true, (specs, partitions) => {
      const first = assignPartitions(membersOf(specs, partitions), partitions);
      const owning = (ids: readonly string[]): AssignMember[] =>
        ids.map((memberId) => ({
          memberId,
          reads: () => true,
          owned: first.get(memberId) ?? [],
          ownedGeneration: 5,
        }));
      const ids = [...first.keys()];
      expect(assignPartitions(owning(ids), partitions)).toEqual(first);

      const joined = assignPartitions(owning([...ids, "new"]), partitions);
      const kept = (after: typeof first): number =>
        [...after].reduce((sum, [id, share]) => {
          const before = new Set((first.get(id) ?? []).map(nameOf));
          return sum + share.filter((one) => before.has(nameOf(one))).length;
        }, 0);
      expect(kept(joined)).toBe(partitions.length - joined.get("new")!.length);

      const left = ids.slice(1);
      if (left.length === 0) return;
      const after = assignPartitions(owning(left), partitions);
      expect(kept(after)).toBe(partitions.length - first.get(ids[0]!)!.length);
    });
  });

  test("of two that claim a partition the one of the later generation keeps it", () => {
    const owned = [{ topic: "a", partition: 0 }];
    const reads = (): boolean => true;
    const member = (memberId: string, ownedGeneration: number) => (
      { memberId, reads, owned, ownedGeneration }
    );
    const shares = assignPartitions([member("m0", 3), member("m1", 4)], owned);
    expect(shares.get("m1")).toEqual(owned);
  });
});
