#!/usr/bin/env bash
# Installs the engines that the interoperability tests read tables with: delta-rs, DuckDB, Polars
# (Python wheels) and Spark with Delta (wheel plus jars). Needs python3; Spark also a JDK 17 and mvn.
# Everything goes to $CDCDELTA_CACHE (default ~/.cache/cdcdelta); what is there already is kept.
set -euo pipefail
cache="${CDCDELTA_CACHE:-$HOME/.cache/cdcdelta}"
here="$(cd "$(dirname "$0")" && pwd)"
mkdir -p "$cache"

if [ ! -f "$cache/venv/.ready" ]; then
  echo "readers: installing delta-rs, DuckDB and Polars into $cache/venv" >&2
  rm -rf "$cache/venv"
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/pip" install -q --disable-pip-version-check \
    deltalake==1.6.6 polars==2.1.0 duckdb==1.5.5 duckdb-extension-delta==1.5.5 pyarrow==25.0.1
  touch "$cache/venv/.ready"
fi

if [ "${1:-}" = "--spark" ] && [ ! -f "$cache/venv-spark/.ready" ]; then
  echo "readers: installing Spark with Delta into $cache/venv-spark" >&2
  rm -rf "$cache/venv-spark" "$cache/spark-jars"
  python3 -m venv "$cache/venv-spark"
  "$cache/venv-spark/bin/pip" install -q --disable-pip-version-check pyspark==4.2.0
  mkdir -p "$cache/spark-jars"
  mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
    -DexcludeGroupIds=org.scala-lang -DoutputDirectory="$cache/spark-jars"
  # Spark ships these itself; a second copy on the class path breaks it.
  (cd "$cache/spark-jars" && rm -f hadoop-client* parquet-* jackson-* slf4j* log4j* zstd-jni* \
    snappy-java* lz4* commons-logging* scala-*)
  touch "$cache/venv-spark/.ready"
fi
