# Builds the load and the servers that are no package: what setup_suite and the benches call.

ADOPTION=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Where they are: beside the builds under test, one for all of them.
PROGRAMS=$(realpath -m "${TASUKI_BIN_DIR:-$ADOPTION/../../build/dev/bin}/../../adoption")

# is_older PROGRAM SOURCE...: true when PROGRAM has to be built.
is_older() {
  local program=$1 source
  shift
  [ -x "$program" ] || return 0
  for source in "$@"; do
    [ "$source" -ot "$program" ] || return 0
  done
  return 1
}

build_c() {
  local program=$1
  shift
  is_older "$program" "$@" || return 0
  "${CC:-cc}" -std=c17 -O2 -Wall -Wextra -D_GNU_SOURCE -pthread -o "$program" "${@:2}"
}

# A static binary: no C library in it that something could be preloaded into.
build_go() {
  is_older "$1" "$2" || return 0
  env CGO_ENABLED=0 GO111MODULE=off GOCACHE="$PROGRAMS/go-cache" go build -o "$1" "$2"
}

build_programs() {
  mkdir -p "$PROGRAMS"
  # Two runs must not write the same program.
  (
    flock 9
    build_c "$PROGRAMS/load" "$ADOPTION"/load/protocol.h "$ADOPTION"/load/load.c "$ADOPTION"/load/protocol.c
    build_c "$PROGRAMS/threads" /dev/null "$ADOPTION"/servers/threads.c
    build_go "$PROGRAMS/go-server" "$ADOPTION"/servers/main.go
  ) 9>"$PROGRAMS/lock"
}
