#!/usr/bin/env bash
# Installs Kafka, Kafka Connect (jars) and the Debezium MongoDB connector (a plugin folder) from
# Maven into $CDCDELTA_CACHE/kafka and $CDCDELTA_CACHE/connect-plugins (default ~/.cache/cdcdelta).
# Needs a JRE 17 or newer and Maven; versions are in pom.xml. What is there in them is kept.
set -euo pipefail
. "$(dirname "$0")/install-lib.sh"
pom="$(cd "$(dirname "$0")" && pwd)/pom.xml"
only_one kafka

wanted="$(sha256sum <"$pom")"
ready() { [ "$(cat "$cache/$1/.ready" 2>/dev/null)" = "$wanted" ]; }
if ready kafka && ready connect-plugins; then exit 0; fi
need java "a JRE 17 or newer (Debian: openjdk-17-jre-headless)"
need mvn "Maven 3.6 or newer (Debian: maven)"

build="$(mktemp -d "$cache/kafka-build.XXXXXX")"
trap 'rm -rf "$build"' EXIT

# put FOLDER: replaces a folder of the cache with the one just built
put() {
  echo "$wanted" >"$build/$1/.ready"
  rm -rf "${cache:?}/$1"
  mv "$build/$1" "$cache/$1"
}

say "installing Kafka and Connect into $cache/kafka"
retry mvn -q -B -f "$pom" dependency:copy-dependencies -DincludeScope=runtime \
  -DoutputDirectory="$build/kafka" >&2
say "installing the Debezium MongoDB connector into $cache/connect-plugins"
retry mvn -q -B -f "$pom" -P connector dependency:copy -DoutputDirectory="$build/download" >&2
mkdir -p "$build/connect-plugins"
tar xzf "$build"/download/debezium-connector-mongodb-*-plugin.tar.gz -C "$build/connect-plugins"
put kafka
put connect-plugins
