#!/usr/bin/env bats
# packaging/ansible against three hosts: real Ansible, over real ssh, each host a network and mount
# namespace of this machine with its own /run/tasuki, under load all the time. The tests are steps of
# one story, so they run one after the other.

# shellcheck disable=SC2154 # bats sets BATS_*
bats_require_minimum_version 1.5.0
load ../helpers

# release NAME LINE...: an archive with a server.
release() {
  local name=$1
  shift
  mkdir -p "$FLEET/build/bin"
  printf '%s\n' '#!/bin/sh' "$@" >"$FLEET/build/bin/server"
  chmod +x "$FLEET/build/bin/server"
  tar -C "$FLEET/build" -cf "$FLEET/$name.tar" bin
}

setup_file() {
  export BATS_NO_PARALLELIZE_WITHIN_FILE=true
  AS_ROOT=
  [ "$(id -u)" -eq 0 ] || AS_ROOT='sudo -n -E'
  if ! $AS_ROOT unshare --mount --net --pid --fork --mount-proc true 2>/dev/null; then
    export LACKING="needs root, and network and mount namespaces"
    return
  fi
  export AS_ROOT FLEET=$BATS_FILE_TMPDIR
  ssh-keygen -q -t ed25519 -N '' -f "$FLEET/key"
  ssh-keygen -q -t ed25519 -N '' -f "$FLEET/host_key"
  release one "RELEASE=one exec '$HELLO'"
  printf '[app]\n' >"$FLEET/inventory"
  for number in 1 2 3; do
    printf 'host%d ansible_host=10.77.0.%d\n' "$number" "$number" >>"$FLEET/inventory"
  done
  $AS_ROOT unshare --mount --net --pid --fork --kill-child --mount-proc \
    "$BATS_TEST_DIRNAME/network" "$FLEET" </dev/null >"$FLEET/log" 2>&1 3>&- &
  export NETWORK=$!
  wait_until test -e "$FLEET/host1/up" -a -e "$FLEET/host2/up" -a -e "$FLEET/host3/up"
  # The first process in there: the only child of unshare, which may be the child of sudo.
  NETWORK_INSIDE=$(descendants "$NETWORK" | while read -r pid; do
    ! grep -q '^NSpid:.*[[:space:]]1$' "/proc/$pid/status" || echo "$pid"
  done | head -n 1)
  export NETWORK_INSIDE
}

teardown_file() {
  [ -z "${NETWORK_INSIDE-}" ] || $AS_ROOT kill -KILL "$NETWORK_INSIDE"
}

# inside COMMAND...: where the hosts can be reached.
inside() {
  $AS_ROOT nsenter --target "$NETWORK_INSIDE" --mount --net --pid -- "$@"
}

# on NUMBER COMMAND...: on that host.
on() {
  local number=$1
  shift
  inside nsenter --target "$(cat "$FLEET/host$number/pid")" --mount --net -- \
    env -u TASUKI_RUNTIME_DIR "$@"
}

# roll RELEASE [ARG...]: the playbook, as a user runs it; its exit status is in $STATUS_CODE, what it
# said in $FLEET/said.
roll() {
  STATUS_CODE=0
  inside env -u TASUKI_RUNTIME_DIR ANSIBLE_CONFIG="$ROOT/packaging/ansible/ansible.cfg" ANSIBLE_NOCOLOR=1 \
    ANSIBLE_HOST_KEY_CHECKING=False ANSIBLE_LOCAL_TEMP="$FLEET/local" ANSIBLE_REMOTE_TEMP=/run/ansible \
    ANSIBLE_SSH_CONTROL_PATH_DIR=/tmp/.tasuki-fleet-$$ \
    timeout 120 ansible-playbook -i "$FLEET/inventory" "$ROOT/packaging/ansible/deploy.yml" \
    --private-key "$FLEET/key" --user root \
    -e ansible_python_interpreter=/usr/bin/python3 -e tasuki_program="$TASUKI" \
    -e tasuki_release="$1" -e tasuki_release_archive="$FLEET/$1.tar" "${@:2}" \
    </dev/null >"$FLEET/said" 2>&1 || STATUS_CODE=$?
  $AS_ROOT rm -rf "/tmp/.tasuki-fleet-$$"
  cat "$FLEET/said" # shown when the test fails
}

# serves NUMBER GENERATION RELEASE: that host does, now.
serves() {
  [[ $(on "$1" curl --silent --fail --max-time 5 http://127.0.0.1:8080/) == "generation $2 pid "* ]] &&
    on "$1" curl --silent --fail --max-time 5 http://127.0.0.1:8080/environ | tr '\0' '\n' |
    grep -qx "RELEASE=$3" && [ "$(on "$1" readlink /srv/app/current)" = "/srv/app/releases/$3" ]
}

setup() {
  local number
  [ -z "${LACKING-}" ] || skip "$LACKING"
  for number in 1 2 3; do
    read -r "was_asked[number]" "was_lost[number]" <"$FLEET/host$number/asked"
  done
}

# nothing_lost: on no host in this test, and each was asked all the time.
nothing_lost() {
  local number asked lost
  for number in 1 2 3; do
    read -r asked lost <"$FLEET/host$number/asked"
    echo "host$number: $((asked - was_asked[number])) asked, $((lost - was_lost[number])) lost"
    [ "$asked" -gt $((was_asked[number] + 10)) ] && [ "$lost" -eq "${was_lost[number]}" ] || return 1
  done
}

@test "a good release reaches every host, batch after batch, and no request is lost" {
  release two "RELEASE=two exec '$HELLO'"
  roll two -e '{"tasuki_batches": [1, 2]}'
  [ "$STATUS_CODE" -eq 0 ]
  [ "$(grep -c '^PLAY \[' "$FLEET/said")" -eq 2 ]
  for number in 1 2 3; do serves "$number" 2 two; done
  nothing_lost
}

@test "a bad release ends with the first host, which is still serving, and the others are not touched" {
  release bad 'echo "no such table: orders" >&2' 'exit 3'
  roll bad
  [ "$STATUS_CODE" -ne 0 ]
  grep -q 'release bad was not deployed, and /srv/app/releases/two is still serving' "$FLEET/said"
  grep -q 'no such table: orders' "$FLEET/said"
  [ "$(grep -c '^PLAY \[' "$FLEET/said")" -eq 1 ]
  grep -Eq '^host1 .*failed=1' "$FLEET/said"
  run ! grep -Eq '^host[23] ' "$FLEET/said"
  for number in 1 2 3; do serves "$number" 2 two; done
  file_has "$FLEET/host1/log" 'deploy 2 failed'
  for number in 2 3; do
    run ! file_has "$FLEET/host$number/log" 'deploy 2'
    on "$number" test ! -e /srv/app/releases/bad
  done
  nothing_lost
}

@test "a worker that dies after a failed deploy is replaced by the release that serves" {
  on 1 "$TASUKI" signal KILL app
  wait_until serves 1 4 two
}

@test "a release that is bad for one host of a batch ends the roll-out with that batch" {
  release three '[ ! -e /run/broken ] || exit 3' "RELEASE=three exec '$HELLO'"
  on 2 touch /run/broken
  roll three -e '{"tasuki_batches": [2, 1]}'
  [ "$STATUS_CODE" -ne 0 ]
  serves 1 5 three
  serves 2 2 two
  serves 3 2 two
  nothing_lost
}

@test "the same release once more goes on where it ended" {
  on 2 rm /run/broken
  roll three -e '{"tasuki_batches": [3]}'
  [ "$STATUS_CODE" -eq 0 ]
  grep -Eq '^host1 .*changed=0' "$FLEET/said"
  serves 1 5 three
  serves 2 4 three
  serves 3 3 three
  nothing_lost
}
