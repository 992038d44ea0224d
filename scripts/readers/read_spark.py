#!/usr/bin/env python3
"""Reads Delta tables with Spark, started once for all of them; prints what read_table.py prints.

  read_spark.py [--version-as-of N] TABLE_PATH...

Local folders only. The jars of Delta are in SPARK_JARS_FOLDER.
"""

import argparse
import glob
import os
import sys
import tempfile

from normalise import print_table, rows_of


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--version-as-of")
    parser.add_argument("tables", nargs="+", metavar="TABLE_PATH")
    arguments = parser.parse_args()
    import pyspark

    # Spark's launcher writes to standard output: the rows get the real one, all else goes to stderr.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    spark = session()
    spark.sparkContext.setLogLevel("OFF")

    def read(path):
        reader = spark.read.format("delta")
        if arguments.version_as_of is not None:
            reader = reader.option("versionAsOf", arguments.version_as_of)
        return rows_of(reader.load(path).toArrow())

    results = [
        print_table("spark", pyspark.__version__, path, read, out) for path in arguments.tables
    ]
    out.close()
    spark.stop()
    sys.exit(0 if all(results) else 1)


def session():
    from pyspark.sql import SparkSession

    scratch = tempfile.mkdtemp(prefix="cdcdelta-spark-")
    settings = {
        "spark.jars": ",".join(sorted(glob.glob(os.environ["SPARK_JARS_FOLDER"] + "/*.jar"))),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.sql.warehouse.dir": os.path.join(scratch, "warehouse"),
        "spark.local.dir": scratch,
        # Tables are tiny: what takes time is to compile.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.driver.memory": "2g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    builder = SparkSession.builder.master("local[2]").appName("cdcdelta-readers")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    main()
