import type { TopicPartition } from "../../kafka/kafka-client.ts";

/** A member of the group as its leader sees it. */
export type AssignMember = {
  readonly memberId: string;
  /** Whether the member reads this topic. */
  readonly reads: (topic: string) => boolean;
  /** What it read until now. */
  readonly owned: readonly TopicPartition[];
  /** The generation in which `owned` was its assignment; -1: none. */
  readonly ownedGeneration: number;
};

/**
 * Gives every partition to exactly one member that reads its topic, where there is one. Pure and
 * deterministic. Partitions stay where they are; as few as possible move so that members of equal
 * patterns differ by at most one partition.
 */
export function assignPartitions(
  members: readonly AssignMember[],
  partitions: readonly TopicPartition[],
): ReadonlyMap<string, readonly TopicPartition[]> {
  const sorted = [...members].sort((a, b) => compareText(a.memberId, b.memberId));
  const shares = sorted.map((member): Share => ({ member, held: [] }));
  const all = [...partitions].sort(comparePartitions);
  const claims = currentOwners(sorted);
  const free: TopicPartition[] = [];
  for (const one of all) {
    const owner = claims.get(nameOf(one));
    const share = shares.find(({ member }) => member.memberId === owner);
    if (share?.member.reads(one.topic) === true) share.held.push(one);
    else free.push(one);
  }
  for (const one of free) leastLoaded(shares, one.topic)?.held.push(one);
  level(shares);
  return new Map(shares.map(({ member, held }) => [member.memberId, held.sort(comparePartitions)]));
}

type Share = { readonly member: AssignMember; readonly held: TopicPartition[] };

/** Partition → its owner; of two that claim it the one of the later generation. */
function currentOwners(members: readonly AssignMember[]): Map<string, string> {
  const owners = new Map<string, { readonly memberId: string; readonly generation: number }>();
  for (const { memberId, owned, ownedGeneration } of members) {
    for (const one of owned) {
      const before = owners.get(nameOf(one));
      if (before !== undefined && before.generation >= ownedGeneration) continue;
      owners.set(nameOf(one), { memberId, generation: ownedGeneration });
    }
  }
  return new Map([...owners].map(([name, { memberId }]) => [name, memberId]));
}

/** Moves single partitions from members with many to members with few until nobody gains by it. */
function level(shares: readonly Share[]): void {
  for (;;) {
    const from = [...shares].sort((a, b) => b.held.length - a.held.length);
    if (!from.some((share) => moveOne(share, shares))) return;
  }
}

/** Moves the share's last partition that somebody with two less of them reads. */
function moveOne(from: Share, shares: readonly Share[]): boolean {
  let best: { readonly to: Share; readonly index: number } | null = null;
  for (let index = from.held.length - 1; index >= 0; index--) {
    const to = leastLoaded(shares, from.held[index]!.topic);
    if (to === undefined || to.held.length + 2 > from.held.length) continue;
    if (best === null || to.held.length < best.to.held.length) best = { to, index };
  }
  if (best === null) return false;
  best.to.held.push(...from.held.splice(best.index, 1));
  return true;
}

function leastLoaded(shares: readonly Share[], topic: string): Share | undefined {
  let least: Share | undefined;
  for (const share of shares) {
    if (!share.member.reads(topic)) continue;
    if (least === undefined || share.held.length < least.held.length) least = share;
  }
  return least;
}

/** One text for a partition. */
function nameOf({ topic, partition }: TopicPartition): string {
  return `${partition} ${topic}`;
}

function comparePartitions(a: TopicPartition, b: TopicPartition): number {
  return compareText(a.topic, b.topic) || a.partition - b.partition;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
