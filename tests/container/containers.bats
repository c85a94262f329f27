#!/usr/bin/env bats
# tasuki in real containers, by podman: the images of packaging/container under load, and the
# first process of a container.

# shellcheck disable=SC2034 # the helper reads OPTIONS
bats_require_minimum_version 1.5.0
load helper

# Why no container can run here; nothing where one does.
obstacle() {
  if [ "$(id -u)" -ne 0 ]; then
    echo 'this user is not root'
  elif ! command -v podman >/dev/null; then
    echo 'there is no podman'
  elif ! try_container >"$WORK/trial.log" 2>&1; then
    echo "no container runs here: $(tail -n 1 "$WORK/trial.log")"
  fi
}

remove_storage() {
  rm -rf "$WORK/storage" "$WORK/run" "$WORK/tmp"
}

setup_file() {
  if [ "$(id -u)" -eq 0 ]; then
    remove_storage
    choose_driver
  fi
  OBSTACLE=$(obstacle)
  export OBSTACLE
  if [ -n "$OBSTACLE" ]; then
    # Where containers must run, as in continuous integration, a skipped test proves nothing.
    [ "${REQUIRE_CONTAINERS:-no}" != yes ] || {
      echo "$OBSTACLE" >&2
      return 1
    }
    return
  fi
  "$ROOT/tests/container/make-root" "$WORK/root.tar"
  podman import --quiet "$WORK/root.tar" base >/dev/null
  for example in h2o gunicorn node; do
    build_image --tag "$example" "$EXAMPLES/$example" >/dev/null
  done
  printf 'FROM tasuki\nCOPY hello-server /hello-server\n' |
    build_image --tag hello --file - "$STATIC" >/dev/null
}

teardown_file() {
  if [ -z "$OBSTACLE" ]; then
    podman rm --force --all --time 0 >/dev/null 2>&1 || true
    remove_storage
  fi
}

setup() {
  [ -z "$OBSTACLE" ] || skip "$OBSTACLE"
  OPTIONS=()
}

teardown() {
  remove_containers
  kill_started
}

# --- the examples, under load ---------------------------------------------------------------------

# deploy_under_load PORT: ten deploys by podman kill --signal HUP while wrk opens new connections.
deploy_under_load() {
  local report=$BATS_TEST_TMPDIR/wrk i
  EXPECTED_BODY=$'hello\n' wrk --threads 1 --connections 8 --duration 280s --timeout "${PATIENCE}s" \
    --header 'Connection: close' --script "$ROOT/tests/servers/wrk.lua" "http://127.0.0.1:$1/" \
    </dev/null >"$report" 2>&1 3>&- &
  local load=$!
  STARTED+=("$load")
  for i in 1 2 3 4 5 6 7 8 9 10; do
    podman kill --signal HUP "$CONTAINER" >/dev/null
    wait_until container_says "deploy $i succeeded"
  done
  kill -INT "$load"
  wait "$load"
  grep -E '^RESULT requests=([0-9]{2,}) right=\1 wrong=0 connect=0 read=0 write=0 status=0 timeout=0' "$report" || {
    cat "$report"
    return 1
  }
}

serves() {
  [ "$(body "http://127.0.0.1:$1/")" = hello ]
}

@test "the h2o of the example loses nothing over ten deploys, on both ports of H2O_PORT" {
  local first second
  first=$(free_port)
  second=$(free_port)
  OPTIONS=(--env "H2O_PORT=$first $second" --read-only)
  run_container h2o h2o
  wait_until serves "$first"
  wait_until serves "$second"
  deploy_under_load "$second"
  stops_with 0
}

@test "the gunicorn of the example loses nothing over ten deploys" {
  local port
  port=$(free_port)
  OPTIONS=(--env "PORT=$port" --read-only)
  run_container gunicorn gunicorn
  wait_until serves "$port"
  deploy_under_load "$port"
  stops_with 0
}

@test "the Node of the example loses nothing over ten deploys" {
  local port
  port=$(free_port)
  OPTIONS=(--env "PORT=$port" --read-only)
  run_container node node
  wait_until serves "$port"
  deploy_under_load "$port"
  stops_with 0
}

@test "a Node that binds for itself gets tasuki's socket, in a container too" {
  local port
  port=$(free_port)
  run_container adopted --entrypoint /usr/bin/tasuki node --adopt=on --port "$port" -- node -e \
    "require('node:http').createServer((request, response) => response.end('hello\n')).listen($port)"
  wait_until serves "$port"
  podman kill --signal HUP "$CONTAINER" >/dev/null
  wait_until container_says 'deploy 1 succeeded'
  serves "$port"
  stops_with 0
}

# --- the first process, and the second ------------------------------------------------------------

# each_way FUNCTION: once as process 1, and once below podman's init.
each_way() {
  OPTIONS=()
  "$1" alone
  OPTIONS=(--init --init-path "$INIT_PROGRAM")
  "$1" below-init
}

serve_in_an_empty_image() {
  local port
  port=$(free_port)
  OPTIONS+=(--read-only --read-only-tmpfs=false --user 4711:4711)
  run_container "hello-$1" hello --port "127.0.0.1:$port" -- /hello-server
  wait_until container_says 'generation 1: worker .* is ready'
  body "http://127.0.0.1:$port/" | grep -q '^generation 1 '
  podman kill --signal HUP "$CONTAINER" >/dev/null
  wait_until container_says 'deploy 1 succeeded'
  body "http://127.0.0.1:$port/" | grep -q '^generation 2 '
  [ "$(podman logs "$CONTAINER" 2>&1 | grep -c 'without a control socket')" -eq 1 ]
  stops_with 0
}

@test "an image with nothing but tasuki and a server serves, deploys and stops, read-only and as any user" {
  each_way serve_in_an_empty_image
}

kill_who_stays() {
  run_container "stays-$1" --entrypoint /usr/bin/tasuki node --stop-timeout=1 -- sh -c 'trap "" TERM; while :; do sleep 1; done'
  wait_until container_says 'is ready'
  stops_with 0
  container_says 'sent KILL to worker'
}

@test "a worker that does not leave is killed before podman stop would kill everything" {
  each_way kill_who_stays
}

no_zombie() {
  ! pgrep --parent "$1" --runstates Z
}

reap_a_storm() {
  # shellcheck disable=SC2016 # the container's shell expands it
  run_container "storm-$1" --entrypoint /usr/bin/tasuki node -- sh -c \
    'i=0; while [ $i -lt 500 ]; do (true &); i=$((i + 1)); done; echo storm over; exec sleep 1000'
  wait_until container_says 'storm over'
  wait_until no_zombie "$(first_process)"
  stops_with 0
}

@test "a storm of zombies is reaped" {
  each_way reap_a_storm
}

end_with_the_worker() {
  run -7 podman run --rm "${LIMITS[@]}" "${OPTIONS[@]}" --entrypoint /usr/bin/tasuki node --exit-with-worker -- sh -c 'exit 7'
  # shellcheck disable=SC2016 # the container's shell expands it
  run -137 podman run --rm "${LIMITS[@]}" "${OPTIONS[@]}" --entrypoint /usr/bin/tasuki node --exit-with-worker -- sh -c 'kill -KILL $$'
}

@test "a run-once container ends with its worker's status" {
  each_way end_with_the_worker
}

@test "a container without a command says what it expects" {
  run -2 podman run --rm "${LIMITS[@]}" tasuki
  [[ $output == *'tasuki: missing command; usage: tasuki '* ]]
}
