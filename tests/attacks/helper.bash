# Shared by the attacks: a service of an unprivileged user's that attacks its supervisor, a client
# that measures meanwhile, and what must be so afterwards.
#
#   ATTACK_SECONDS   how long each attack is measured (3; figures: 60)
# shellcheck shell=bash disable=SC2034 # the variables are for the tests
# shellcheck source=SCRIPTDIR/../helpers.bash
source "$(dirname "${BASH_SOURCE[0]}")/../helpers.bash"

SECONDS_EACH=${ATTACK_SECONDS:-3}
KNOCK=$TOOLS/knock

# needs_root: what an unprivileged user does to a supervisor of root's takes root to set up.
needs_root() {
  [ "$(id -u)" -eq 0 ] || skip "not root"
}

needs_fuse() {
  [ -c /dev/fuse ] || skip "no /dev/fuse"
  setpriv --reuid=nobody --regid=nogroup --clear-groups unshare -Urm true 2>/dev/null ||
    skip "no user namespaces for unprivileged users"
}

# set_up_attack: a directory that the worker's user reaches, with a /dev/fuse that anybody may open,
# as the usual one is.
set_up_attack() {
  needs_root
  DIR=$(mktemp --directory /tmp/tasuki-attack.XXXXXX)
  chmod 711 "$DIR"
  LOG=$BATS_TEST_TMPDIR/log
  export TRAP_NODE=$DIR/fuse TRAP_DIRECTORY=$DIR/trap
  mkdir "$TRAP_DIRECTORY"
  chmod 777 "$TRAP_DIRECTORY"
  mknod -m 666 "$TRAP_NODE" c 10 229 2>/dev/null || true
  HOSTILE=$DIR/hostile # where others may execute it
  cp "$TOOLS/hostile" "$HOSTILE"
  PORT=$(free_port)
}

tear_down_attack() {
  kill_started
  [ -z "${DIR:-}" ] || rm -rf "$DIR"
  no_sanitizer_reports
}

# worker_of GENERATION: the pid of its worker.
worker_of() {
  sed -nE "s/^.*generation $1: worker ([0-9]+) started$/\\1/p" "$LOG"
}

# supervise OPTION... [-- COMMAND...]
supervise() {
  start "$TASUKI" --name=app --control="$DIR/control" "$@"
  SUPERVISOR=$PID
}

# serve ATTACK: the service; its worker is ready and attacks.
serve() {
  supervise --user=nobody --interval=3600 --port="127.0.0.1:$PORT" -- "$HOSTILE" "$1" "$PORT"
  wait_until log_has 'worker [0-9]+ is ready'
  [[ $1 == none || $1 == leftover ]] || wait_until log_has '^attacks'
}

# show TEXT: for people who asked for the figures.
show() {
  [ -z "${ATTACK_SECONDS:-}" ] || printf '%s\n' "$1" >&3
}

# touches_nothing: the supervisor has neither the end of a filter nor a socket that anybody but its
# clients sends to. What it does not have cannot hold it up.
touches_nothing() {
  ls -l "/proc/$SUPERVISOR/fd" >"$BATS_TEST_TMPDIR/fds"
  lacks "$BATS_TEST_TMPDIR/fds" 'seccomp notify'
}

# measure ADDRESS: a client's requests, and tasuki status, for as long as an attack lasts.
measure() {
  "$KNOCK" "$1" "$SECONDS_EACH" "$TASUKI" status --control="$DIR/control" >"$BATS_TEST_TMPDIR/figures"
  show "$(cat "$BATS_TEST_TMPDIR/figures")"
}

# nothing_is_lost: no request and no command was. How long they took a busy machine decides, too.
nothing_is_lost() {
  touches_nothing
  grep -E '^requests [1-9][0-9]* lost 0 ' "$BATS_TEST_TMPDIR/figures"
  grep -E '^commands [1-9][0-9]* failed 0 ' "$BATS_TEST_TMPDIR/figures"
}

# stop_is_obeyed: as a service that nobody attacks.
stop_is_obeyed() {
  local begun ended
  begun=$(date +%s%N)
  kill -TERM "$SUPERVISOR"
  until gone "$SUPERVISOR"; do
    ended=$(date +%s%N)
    if [ $(((ended - begun) / 1000000000)) -ge "$PATIENCE" ]; then
      echo "not stopped after $PATIENCE s"
      return 1
    fi
    sleep 0.002
  done
  ended=$(date +%s%N)
  show "stop longest-ms $(((ended - begun) / 1000000))"
  log_has 'exiting with status 0'
}
