# What the tests of the workers' surroundings share: a place that every user can reach, what the
# kernel says of a worker, and users of our own.
# shellcheck source=tests/e2e/helper.bash
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/helper.bash"

# A user and a group without a right to anything, on every system that has them.
NOBODY=$(id -u nobody)
NOGROUP=$(id -g nobody)

eval "e2e_$(declare -f setup)"
eval "e2e_$(declare -f teardown)"

# The directory of a test is its owner's alone; the worker's user needs one that it can enter.
# shellcheck disable=SC2034 # the tests read these
setup() {
  e2e_setup
  DIR=$(mktemp -d "${TMPDIR:-/tmp}/tasuki-surroundings.XXXXXX")
  chmod 755 "$DIR"
  mkdir -m 777 "$DIR/open"
  install -m 755 "$HELLO" "$DIR/hello-server"
  LOG=$BATS_TEST_TMPDIR/log
  SOCKET=$DIR/socket
  PID_FILE=$DIR/pid
  STATUS_FILE=$DIR/status
  WORKER=("$DIR/hello-server")
  RESTART=("$TASUKI" restart --control="$DIR/control")
}

teardown() {
  e2e_teardown
  rm -rf "$DIR"
}

# needs_right CAPABILITY-NUMBER NAME: root in a container may lack some.
needs_right() {
  local effective
  needs_root
  effective=$(awk '/^CapEff:/ { print $2 }' /proc/self/status)
  ((0x$effective >> $1 & 1)) || skip "needs $2"
}

# serve [OPTION...]: starts the service and waits for its first generation.
serve() {
  supervise --control="$DIR/control" --interval=0.1 "$@"
  wait_until status_is 1
}

# told FIELD [GENERATION]: what /proc/PID/status has there, blanks as single ones.
told() {
  sed -n "s/^$1:[[:space:]]*//p" "/proc/$(pid_of "${2:-1}")/status" | xargs
}

# limit_of WORDS [GENERATION]: the soft and the hard limit of that name in /proc/PID/limits.
limit_of() {
  sed -n "s/^$1 *\([0-9a-z]*\) *\([0-9a-z]*\) .*/\1 \2/p" "/proc/$(pid_of "${2:-1}")/limits"
}

# four ID: as /proc/PID/status tells real, effective, saved and file system id.
four() {
  echo "$1 $1 $1 $1"
}

# In front of a command: it has no right at all.
# shellcheck disable=SC2034 # the tests read it
AS_NOBODY=(setpriv --reuid="$NOBODY" --regid="$NOGROUP" --clear-groups --)

# refused REGEX OPTION...: status 2 and one line, before anything was bound; $AS goes before the
# program.
refused() {
  local wants=$1
  shift
  attempt "${AS[@]}" "$TASUKI" "$@" --path="$DIR/open/refused" -- touch "$DIR/open/started"
  equal "$STATUS_CODE $*" "2 $*"
  equal "$(wc -l <"$DIR/stderr") $*" "1 $*"
  grep -Eq -- "^tasuki: $wants" "$DIR/stderr" || equal "$(cat "$DIR/stderr")" "tasuki: $wants"
  absent "$DIR/open/refused" "$DIR/open/started"
}

# own_users: the programs started with "${IN_OWN[@]}" in front see a user database of the test's
# own, $DIR/passwd and $DIR/group, that a test may change.
own_users() {
  needs_root
  unshare --mount true 2>/dev/null || skip "needs a mount namespace of its own"
  cp /etc/passwd "$DIR/passwd"
  cp /etc/group "$DIR/group"
  chmod 644 "$DIR/passwd" "$DIR/group"
  # shellcheck disable=SC2016,SC2034 # it is expanded in there; the tests read it
  IN_OWN=(unshare --mount sh -c 'mount --bind "$0/passwd" /etc/passwd &&
    mount --bind "$0/group" /etc/group && exec "$@"' "$DIR")
}
