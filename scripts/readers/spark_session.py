#!/usr/bin/env python3
"""Runs SQL in one Spark session: a JSON string a line in, one line of JSON a statement out.

Answers are {"rows": [[...], ...]} or {"error": "..."}; the first line out is {"rows": []}, when the
session is ready. A line {"normal": SQL} has rows as normalise.py makes them: {"rows": [{...}, ...]}.
The jars of Delta are in SPARK_JARS_FOLDER.
"""

import json
import os
import sys

from normalise import rows_of
from read_spark import session


def main():
    # Spark's launcher writes to standard output: answers get the real one, all else goes to stderr.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    spark = session()
    spark.sparkContext.setLogLevel("OFF")

    def answer(value):
        out.write(json.dumps(value, default=str) + "\n")
        out.flush()

    answer({"rows": []})
    for line in sys.stdin:
        try:
            request = json.loads(line)
            if isinstance(request, dict):
                answer({"rows": rows_of(spark.sql(request["normal"]).toArrow())})
            else:
                answer({"rows": [plain(row) for row in spark.sql(request).collect()]})
        except Exception as error:  # pylint: disable=broad-except
            answer({"error": str(error)})
    spark.stop()


def plain(value):
    """Rows as lists, maps as lists of pairs."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return [[plain(key), plain(item)] for key, item in value.items()]
    return value


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    main()
