import { Buffer } from "node:buffer";
import type { SeededRandom } from "../simulation/seeded-random.ts";

/** Bytes that were damaged in one to three places. */
export function damaged(random: SeededRandom, bytes: Uint8Array, isText: boolean): Uint8Array {
  let result: Buffer = Buffer.from(bytes);
  for (let times = 1 + random.int(3); times > 0; times--) {
    result = random.chance(isText ? 0.7 : 0)
      ? Buffer.from(damagedText(random, result.toString("utf8")))
      : damagedOnce(random, result);
  }
  return result;
}

function damagedOnce(random: SeededRandom, bytes: Buffer): Buffer {
  if (bytes.length === 0) return Buffer.from([random.int(256)]);
  const at = place(random, bytes.length);
  const length = Math.min(1 + random.int(random.chance(0.3) ? 64 : 4), bytes.length - at);
  const [before, piece, after] = [
    bytes.subarray(0, at),
    bytes.subarray(at, at + length),
    bytes.subarray(at + length),
  ];
  switch (random.int(8)) {
    case 0:
      return Buffer.from(bytes).fill(bytes[at]! ^ (1 << random.int(8)), at, at + 1);
    case 1:
      return Buffer.from(bytes).fill(random.int(256), at, at + 1);
    case 2: // A length or an offset, as large as it can be.
      return Buffer.from(bytes).fill(random.pick([0, 0x7f, 0x80, 0xff]), at, at + length);
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return Buffer.concat([before, after]);
    case 5:
      return Buffer.concat([before, piece, piece, after]);
    case 6: // The number 2^31 - 1 as a varint of Thrift.
      return Buffer.concat([before, Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x0f]), after]);
    default:
      return Buffer.concat([bytes, Buffer.from(bytes.subarray(at))]);
  }
}

/** Often in the last part, where Parquet has its footer. */
function place(random: SeededRandom, length: number): number {
  return random.chance(0.5) ? random.int(length) : Math.max(0, length - 1 - random.int(600));
}

const oddValues = [
  "null",
  "true",
  "-1",
  "0",
  "1e400",
  "2147483648",
  "9223372036854775808",
  "-9223372036854775809",
  '""',
  '"\\u0000"',
  '"\\ud800"',
  "[]",
  "{}",
  "[null]",
  '{"a":null}',
  '"__proto__"',
  `${"[".repeat(20_000)}${"]".repeat(20_000)}`,
];

/** JSON lines that lost, repeated or exchanged lines, members or values. */
function damagedText(random: SeededRandom, text: string): string {
  const lines = text.split("\n");
  const at = random.int(lines.length);
  const line = lines[at]!;
  const without = lines.toSpliced(at, 1);
  switch (random.int(7)) {
    case 0:
      return without.join("\n");
    case 1:
      return lines.toSpliced(at, 0, line).join("\n");
    case 2:
      return lines.toSpliced(at, 1, line.slice(0, random.int(line.length + 1))).join("\n");
    case 3:
      return lines.toSpliced(at, 0, random.pick(["", " ", "x", "{}", "[]", "null", '{"add":1}']))
        .join("\n");
    case 4: {
      const values = [...line.matchAll(/"(?:[^"\\]|\\.)*"(?!:)|-?\d+|true|false|null|\{\}|\[\]/g)];
      if (values.length === 0) return text;
      const value = random.pick(values);
      const odd = random.pick(oddValues);
      const changed = line.slice(0, value.index) + odd + line.slice(value.index + value[0].length);
      return lines.toSpliced(at, 1, changed).join("\n");
    }
    case 5: {
      const members = [...line.matchAll(/"\w+":/g)];
      if (members.length === 0) return text;
      const member = random.pick(members);
      const name = random.pick(['"__proto__":', '"path":', '"unknown":', '"version":']);
      const changed = line.slice(0, member.index) + name +
        line.slice(member.index + member[0].length);
      return lines.toSpliced(at, 1, changed).join("\n");
    }
    default:
      return [...lines].sort(() => random.next() - 0.5).join("\n");
  }
}
