# Shared by the tests on a real systemd: a Debian root with the release build installed in it, booted
# as a container once for each file of tests. What a test changes is in an overlay and gone
# afterwards; its network is loopback alone.
# shellcheck shell=bash disable=SC2034 # the variables are for the tests
# shellcheck source=SCRIPTDIR/../helpers.bash
source "$(dirname "${BASH_SOURCE[0]}")/../helpers.bash"

SUITE=$ROOT/tests/systemd
BASE=$ROOT/build/systemd-root
BUILD=$ROOT/build/release

# The root, unpacked anew when it was made anew.
unpack_root() {
  local tarball
  tarball=$("$ROOT/tests/debian-root" systemd systemd)
  if [ ! "$BASE/.unpacked" -nt "$tarball" ]; then
    rm -rf "$BASE"
    mkdir "$BASE"
    tar --extract --file "$tarball" --directory "$BASE" --exclude './dev/*'
    touch "$BASE/.unpacked"
  fi
}

# boot: the container's init has the pid $INIT, nspawn itself $NSPAWN.
boot() {
  unpack_root
  DESTDIR=$BASE cmake --install "$BUILD" --prefix /usr >/dev/null
  install "$BUILD/bin/hello-server" "$BASE/usr/bin/hello-server"
  export CONSOLE=$BATS_FILE_TMPDIR/console
  systemd-nspawn --quiet --directory="$BASE" --volatile=overlay --boot --register=no --keep-unit \
    --private-network --machine="tasuki-$$" systemd.unit=basic.target systemd.journald.forward_to_console=0 \
    </dev/null >"$CONSOLE" 2>&1 3>&- &
  export NSPAWN=$!
  patiently 300 has_booted || {
    echo "systemd did not boot; the end of its console:"
    tail -n 20 "$CONSOLE"
    shut_down
    return 1
  }
}

has_booted() {
  read -r INIT _ < <(children "$NSPAWN")
  export INIT
  [ -n "$INIT" ] && inside systemctl is-active --quiet basic.target
}

# Nothing in there needs an orderly end: with its init the whole container is gone.
shut_down() {
  [ -z "${INIT:-}" ] || kill -KILL "$INIT" 2>/dev/null || true
  patiently 100 gone "$NSPAWN" || kill -KILL "$NSPAWN" 2>/dev/null || true
}

# inside COMMAND...: in the container. inside_network COMMAND...: only its network is the container's.
inside() {
  timeout "$PATIENCE" nsenter --target "$INIT" --all --wd=/ -- "$@" </dev/null 3>&-
}
inside_network() {
  nsenter --target "$INIT" --net -- "$@"
}

# The container's files, as the container sees them.
files() {
  printf '/proc/%s/root%s' "$INIT" "$1"
}

# service LINE...: writes the configuration file of the service "app".
service() {
  mkdir -p "$(files /etc/tasuki)"
  printf '%s\n' "$@" >"$(files /etc/tasuki/app.ini)"
}

# unit LINE...: what the unit of the service has besides the template.
unit() {
  mkdir -p "$(files /run/systemd/system/tasuki@app.service.d)"
  printf '%s\n' "$@" >"$(files /run/systemd/system/tasuki@app.service.d/test.conf)"
  inside systemctl daemon-reload
}

# property NAME: of the unit.
property() {
  inside systemctl show --property "$1" --value tasuki@app
}
property_is() {
  [ "$(property "$1")" = "$2" ]
}
status_has() {
  property StatusText | grep -Eq -- "$1"
}
journal() {
  inside journalctl --unit tasuki@app --output cat --no-pager
}
journal_has() {
  journal | grep -Eq -- "$1"
}
supervisor() {
  property MainPID
}
send() {
  inside sh -c "kill -$1 $(supervisor)"
}

# knock ADDRESS...: clients connect there until knocked; what became of them is in $KNOCKED then.
knock() {
  rm -f "$BATS_TEST_TMPDIR/started" "$BATS_TEST_TMPDIR/enough"
  KNOCKED=$BATS_TEST_TMPDIR/knocked
  # A path is the container's.
  local addresses=() address
  for address in "$@"; do
    case $address in
      /*) addresses+=("$(files "$address")") ;;
      *) addresses+=("$address") ;;
    esac
  done
  nsenter --target "$INIT" --net -- "$SUITE/knock" "$BATS_TEST_TMPDIR/started" "$BATS_TEST_TMPDIR/enough" \
    "${addresses[@]}" \
    </dev/null >"$KNOCKED" 2>&1 3>&- &
  KNOCKER=$!
  STARTED+=("$KNOCKER")
  wait_until test -e "$BATS_TEST_TMPDIR/started"
}
knocked() {
  touch "$BATS_TEST_TMPDIR/enough"
  wait "$KNOCKER"
  cat "$KNOCKED"
}

# all_have REGEX: each line of what became of the clients.
all_have() {
  [ -s "$KNOCKED" ] && ! grep -Evq -- "$1" "$KNOCKED"
}
