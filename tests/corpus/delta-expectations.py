"""What delta-rs and DuckDB make of every table of the Delta corpus, as tab-separated values.

Usage: python delta-expectations.py CORPUS_DELTA_FOLDER > delta-expectations.tsv

Columns: suite, table, version (delta-rs), files (delta-rs), schema (SHA-256 of the canonical
schema JSON, first 12 hex digits), rows (DuckDB's count, a second opinion on which files are live).
`-` where that reader refuses the table; then version and files come from a plain replay of the
JSON commits if there are any.
"""

import csv
import glob
import hashlib
import json
import os
import sys

import deltalake
import duckdb
import duckdb_extension_delta


def canonical(schema_json):
    """Names, types and nullability, without metadata: what every reader agrees on."""

    def clean(node):
        if isinstance(node, dict):
            return {k: clean(v) for k, v in sorted(node.items()) if k != "metadata"}
        if isinstance(node, list):
            return [clean(v) for v in node]
        return node

    return json.dumps(clean(json.loads(schema_json)), sort_keys=True, separators=(",", ":"))


def by_delta_rs(path):
    try:
        table = deltalake.DeltaTable(path)
        digest = hashlib.sha256(canonical(table.schema().to_json()).encode()).hexdigest()[:12]
        return str(table.version()), str(len(table.file_uris())), digest
    except BaseException:
        return *by_plain_replay(path), "-"


def by_plain_replay(path):
    commits = sorted(glob.glob(os.path.join(path, "_delta_log", "[0-9]" * 20 + ".json")))
    live = set()
    for commit in commits:
        with open(commit) as lines:
            actions = [json.loads(line) for line in lines if line.strip()]
        live -= {action["remove"]["path"] for action in actions if "remove" in action}
        live |= {action["add"]["path"] for action in actions if "add" in action}
    version = str(int(os.path.basename(commits[-1])[:20])) if commits else "-"
    return version, str(len(live)) if commits else "-"


def by_duckdb(connection, path):
    try:
        return str(connection.execute("select count(*) from delta_scan(?)", [path]).fetchone()[0])
    except BaseException:
        return "-"


def main():
    root = sys.argv[1]
    connection = duckdb.connect()
    pattern = os.path.join(
        os.path.dirname(duckdb_extension_delta.__file__), "extensions", "*", "*.duckdb_extension"
    )
    connection.execute("LOAD '%s'" % glob.glob(pattern)[0])
    print("suite\ttable\tversion\tfiles\tschema\trows")
    with open(os.path.join(root, "MANIFEST.tsv"), newline="") as manifest:
        for row in csv.DictReader(manifest, delimiter="\t", quoting=csv.QUOTE_NONE):
            path = os.path.join(root, row["suite"], row["table"])
            values = [row["suite"], row["table"], *by_delta_rs(path), by_duckdb(connection, path)]
            print("\t".join(values), flush=True)


main()
