import Table from "cli-table3";

type Cell = string | number | bigint | boolean | null;

const plainBorders = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** Rows in aligned columns under a header, without colours; numbers to the right. */
export function tableText(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const numeric = header.map((_, i) =>
    rows.length > 0 && rows.every((row) => typeof row[i] === "number" || typeof row[i] === "bigint")
  );
  const table = new Table({
    head: [...header],
    chars: plainBorders,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colAligns: numeric.map((each) => each ? "right" : "left"),
  });
  for (const row of rows) table.push(row.map(cellText));
  return table.toString().split("\n").map((line) => line.trimEnd()).join("\n") + "\n";
}

/** Names and values in two columns; lines of a value stay in its column. */
export function factsText(facts: readonly (readonly [string, Cell])[]): string {
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => {
    const [first = "", ...more] = cellText(value).split("\n");
    const lines = [`${name.padEnd(width)}  ${first}`];
    for (const line of more) lines.push(`${" ".repeat(width)}  ${line}`);
    return lines.map((line) => line.trimEnd()).join("\n");
  }).join("\n") + "\n";
}

function cellText(cell: Cell): string {
  if (cell === null) return "-";
  return typeof cell === "number" ? String(cell) : String(cell);
}
