#!/usr/bin/env bash
# Builds a MinIO server from its Go module into $CDCDELTA_CACHE/bin (default ~/.cache/cdcdelta/bin).
# Needs go; a cold build takes about five minutes on two cores. A binary that is there is kept.
set -euo pipefail
cache="${CDCDELTA_CACHE:-$HOME/.cache/cdcdelta}"
if [ ! -x "$cache/bin/minio" ]; then
  echo "stack: building MinIO into $cache/bin" >&2
  mkdir -p "$cache/bin" "$cache/minio-build"
  CGO_ENABLED=0 GOBIN="$cache/minio-build" go install -trimpath -ldflags "-s -w" \
    github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
  mv "$cache/minio-build/minio" "$cache/bin/minio"
fi
