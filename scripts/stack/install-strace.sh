#!/usr/bin/env bash
# Installs strace, by which tests kill the binary at single system calls and fill its disk.
set -euo pipefail
if command -v strace >/dev/null; then exit 0; fi
root=()
[ "$(id -u)" = 0 ] || root=(sudo -n)
if command -v apt-get >/dev/null; then
  "${root[@]}" apt-get -o DPkg::Lock::Timeout=300 update -qq
  "${root[@]}" apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends strace
elif command -v apk >/dev/null; then
  "${root[@]}" apk add --quiet strace
elif command -v dnf >/dev/null; then
  "${root[@]}" dnf install -y -q strace
else
  echo "no package manager to install strace with: install it by hand" >&2
  exit 1
fi
