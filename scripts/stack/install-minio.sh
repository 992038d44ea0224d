#!/usr/bin/env bash
# Builds a MinIO server from its Go module into $CDCDELTA_CACHE/bin (default ~/.cache/cdcdelta/bin).
# Needs go 1.24 or newer; a cold build takes about five minutes on two cores. A binary of this
# version that is there already is kept.
set -euo pipefail
cache="${CDCDELTA_CACHE:-$HOME/.cache/cdcdelta}"
module="github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
mkdir -p "$cache/bin" "$cache/minio-build"

say() { echo "stack: $*" >&2; }

# One build at a time; a second caller waits for the first and then finds it done.
exec 9>"$cache/minio.lock"
if command -v flock >/dev/null; then flock 9; fi

if [ -x "$cache/bin/minio" ] && [ "$(cat "$cache/bin/minio.version" 2>/dev/null)" = "$module" ]; then
  exit 0
fi
# Debian keeps newer compilers beside the path.
command -v go >/dev/null || PATH="$PATH:/usr/local/go/bin"
command -v go >/dev/null || { say "cannot build MinIO: install go 1.24 or newer"; exit 1; }

say "building MinIO into $cache/bin (about five minutes)"
for attempt in 1 2 3; do
  if CGO_ENABLED=0 GOBIN="$cache/minio-build" \
    go install -trimpath -ldflags "-s -w" "$module" >&2; then
    mv "$cache/minio-build/minio" "$cache/bin/minio"
    echo "$module" >"$cache/bin/minio.version"
    exit 0
  fi
  say "attempt $attempt of 3 failed"
  sleep $((attempt * 5))
done
exit 1
