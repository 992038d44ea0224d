"""Tables whose changes are recorded, made by another engine, and the changes that it reads.

Usage: python change-feed.py delta-rs|spark FOLDER [TABLE...]

Makes tables in FOLDER and prints their changes from version 0 on, and those of further tables, as
scripts/readers/normalise.py does.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../scripts/readers"))

from normalise import print_table, rows_of  # noqa: E402

ENABLED = {"delta.enableChangeDataFeed": "true"}


def delta_rs(folder, tables):
    import deltalake
    import pyarrow as pa

    def rows(ids, part, text):
        count = len(ids)
        columns = {
            "id": pa.array(ids, pa.int64()),
            "s": pa.array([None if i % 4 == 3 else f"{text} {i}" for i in ids]),
            "part": pa.array([part] * count),
        }
        return pa.table(columns)

    for name, partition_by in (("plain", None), ("parts", ["part"])):
        path = os.path.join(folder, name)
        deltalake.write_deltalake(
            path, rows(range(10), "a", "first"), partition_by=partition_by, configuration=ENABLED
        )
        deltalake.write_deltalake(path, rows(range(10, 20), "b", "second"), mode="append")
        table = deltalake.DeltaTable(path)
        table.update(updates={"s": "'changed'"}, predicate="id % 5 = 0")
        table.delete("id = 11 or id = 3")
        merged = rows([1, 2, 30], "a", "merged")
        table.merge(merged, "t.id = s.id", source_alias="s", target_alias="t") \
            .when_matched_update_all().when_not_matched_insert_all().execute()
        table.optimize.compact()
        deltalake.write_deltalake(path, rows([100], "a", "last"), mode="overwrite")
        tables.append(path)

    def read(path):
        return rows_of(pa.table(deltalake.DeltaTable(path).load_cdf(starting_version=0).read_all()))

    return deltalake.__version__, read


def spark(folder, tables):
    import pyspark
    from read_spark import session

    engine = session()
    engine.sparkContext.setLogLevel("OFF")
    properties = "'delta.enableChangeDataFeed' = 'true'"
    kinds = {
        "copied": "'delta.enableDeletionVectors' = 'false'",
        "vectors": "'delta.enableDeletionVectors' = 'true'",
        "mapped": "'delta.columnMapping.mode' = 'name', 'delta.enableInCommitTimestamps' = 'true'",
    }
    for name, more in kinds.items():
        path = os.path.join(folder, name)
        at = f"delta.`{path}`"
        for statement in (
            f"create table {at} (id bigint, s string, n struct<x: decimal(20, 3)>, part string) "
            f"using delta partitioned by (part) tblproperties ({properties}, {more})",
            f"insert into {at} select /*+ coalesce(1) */ id, concat('first ', id), "
            "named_struct('x', cast(id as decimal(20, 3))), if(id < 15, 'a', null) from range(20)",
            f"update {at} set s = null where id % 5 = 0",
            f"delete from {at} where id in (1, 16)",
            f"alter table {at} add columns (more int)",
            f"merge into {at} t using (select id, 'merged' as s, named_struct('x', "
            "cast(null as decimal(20, 3))) as n, 'b c' as part, 7 as more from range(2, 4) union "
            "all select 50, 'new', null, 'a', 8) u on t.id = u.id "
            "when matched then update set * when not matched then insert *",
            f"delete from {at} where part = 'b c'",
            f"optimize {at}",
            f"restore table {at} to version as of 5",
        ):
            engine.sql(statement).collect()
        tables.append(path)

    def read(path):
        reader = engine.read.format("delta").option("readChangeFeed", "true")
        return rows_of(reader.option("startingVersion", 0).load(path).toArrow())

    return pyspark.__version__, read


def main():
    name, folder, *tables = sys.argv[1:]
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    version, read = {"delta-rs": delta_rs, "spark": spark}[name](folder, tables)
    for table in tables:
        print_table(name, version, table, read, out)
    out.close()


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    main()
