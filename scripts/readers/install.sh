#!/usr/bin/env bash
# Installs the engines that the interoperability tests read tables with: delta-rs, DuckDB, Polars
# (Python wheels) and, with --spark, Spark with Delta (wheels plus jars).
# Needs python3 with venv; Spark also a JDK 17 and Maven: what is missing is installed with apt-get
# where that is possible. Everything goes to $CDCDELTA_CACHE (default ~/.cache/cdcdelta); what is
# there in the right version is kept.
set -euo pipefail
cache="${CDCDELTA_CACHE:-$HOME/.cache/cdcdelta}"
here="$(cd "$(dirname "$0")" && pwd)"
mkdir -p "$cache"

wheels=(deltalake==1.6.6 polars==2.1.0 duckdb==1.5.5 duckdb-extension-delta==1.5.5
  duckdb-extension-httpfs==1.5.5 pyarrow==25.0.1 confluent-kafka==2.16.1)
spark_wheels=(pyspark==4.2.0 pyarrow==25.0.1)

say() { echo "readers: $*" >&2; }

# retry COMMAND...: three attempts, for networks that have a bad moment
retry() {
  local attempt
  for attempt in 1 2 3; do
    if "$@"; then return 0; fi
    say "attempt $attempt of 3 failed: $1"
    sleep $((attempt * 5))
  done
  return 1
}

# system_package PROBE PACKAGE: installs PACKAGE when the command PROBE does not work
system_package() {
  if bash -c "$1" >/dev/null 2>&1; then return; fi
  local sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo -n"
  command -v apt-get >/dev/null || { say "cannot go on: install $2"; exit 1; }
  say "installing $2 with apt-get"
  [ -n "${apt_updated:-}" ] || { retry $sudo apt-get -qq update >&2; apt_updated=1; }
  retry $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$2" >&2
}

# environment FOLDER WHEEL...: a virtual environment that holds exactly these wheels
environment() {
  local folder="$1"
  shift
  if [ "$(cat "$folder/.ready" 2>/dev/null)" = "$*" ]; then return; fi
  say "installing $* into $folder"
  [ -x "$folder/bin/python3" ] || { rm -rf "$folder"; python3 -m venv "$folder"; }
  rm -f "$folder/.ready"
  retry "$folder/bin/python3" -m pip install -q --disable-pip-version-check "$@" >&2
  echo "$*" >"$folder/.ready"
}

jars() {
  local folder="$cache/spark-jars" wanted
  wanted="$(sha256sum <"$here/pom.xml")"
  if [ "$(cat "$folder/.ready" 2>/dev/null)" = "$wanted" ]; then return; fi
  say "fetching the jars of Delta into $folder"
  rm -rf "$folder"
  mkdir -p "$folder"
  retry mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
    -DexcludeGroupIds=org.scala-lang -DoutputDirectory="$folder" >&2
  # Spark ships these itself; a second copy on the class path breaks it.
  (cd "$folder" && rm -f hadoop-client* parquet-* jackson-* slf4j* log4j* zstd-jni* \
    snappy-java* lz4* commons-logging* scala-*)
  echo "$wanted" >"$folder/.ready"
}

# One installation at a time; a second caller waits for the first and then finds it done.
exec 9>"$cache/readers.lock"
if command -v flock >/dev/null; then flock 9; fi

system_package 'python3 -c "import venv, ensurepip"' python3-venv
environment "$cache/venv" "${wheels[@]}"
if [ "${1:-}" = "--spark" ]; then
  system_package 'java -version' openjdk-17-jre-headless
  system_package 'mvn -version' maven
  environment "$cache/venv-spark" "${spark_wheels[@]}"
  jars
fi
