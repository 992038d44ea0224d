# What the installers of the stack share; sourced by them.
cache="${CDCDELTA_CACHE:-$HOME/.cache/cdcdelta}"
mkdir -p "$cache/bin"

say() { echo "stack: $*" >&2; }

# only_one NAME: one installation at a time; a second caller waits for the first, then finds it done
only_one() {
  exec 9>"$cache/$1.lock"
  if command -v flock >/dev/null; then flock 9; fi
}

# need COMMAND WHAT: ends with what to install when COMMAND is absent
need() {
  command -v "$1" >/dev/null && return
  say "$1 is missing: install $2"
  exit 1
}

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
