#!/usr/bin/env bats
# Many deploys: no request, no descriptor and no memory is lost.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# open_descriptors, anonymous_kb: of the supervisor.
open_descriptors() {
  find "/proc/$SUPERVISOR/fd/" -type l | wc -l
}

anonymous_kb() {
  sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$SUPERVISOR/status"
}

# keep_no_freed_memory: under AddressSanitizer freed memory goes back at once, as without it, and
# no record of where it came from grows.
keep_no_freed_memory() {
  export ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=0:thread_local_quarantine_size_kb=0
  ASAN_OPTIONS+=:malloc_context_size=1
}

# deploy_up_to GENERATION: one deploy after the other. Each new worker says its number into the
# FIFO at descriptor 8, so that nothing has to be looked for.
deploy_up_to() {
  local said
  while ((GENERATION < $1)); do
    kill -HUP "$SUPERVISOR"
    GENERATION=$((GENERATION + 1))
    read -r -t "$PATIENCE" said <&8
    equal "$said" "$GENERATION"
  done
  # The last old worker is gone, too.
  wait_until status_is "$GENERATION"
  wait_until children_are "$SUPERVISOR" 1
}

@test "a thousand deploys lose no descriptor and no memory" {
  local descriptors memory grown
  mkfifo "$DIR/fifo"
  exec 8<>"$DIR/fifo"
  mkdir "$DIR/env"
  echo value >"$DIR/env/NAME"
  keep_no_freed_memory
  # shellcheck disable=SC2016 # for the worker's shell to expand
  WORKER=(sh -c 'echo "$SERVER_STARTER_GENERATION" >"$0"; exec sleep 1000' "$DIR/fifo")
  supervise --interval=0 --envdir="$DIR/env" --port=127.0.0.1:0 8>&-
  read -r -t "$PATIENCE" GENERATION <&8
  deploy_up_to 101
  descriptors=$(open_descriptors)
  memory=$(anonymous_kb)
  deploy_up_to 1001
  equal "$(open_descriptors)" "$descriptors"
  grown=$(($(anonymous_kb) - memory))
  echo "grown by $grown kB in 900 deploys"
  # A leak of 128 bytes a deploy would be 112 kB.
  [ "$grown" -le 100 ]
  stop_service
  # LeakSanitizer, where the build has it, ends the program with another status.
  equal "$STATUS_CODE" 0
  equal "$(count 'deploy [0-9]+ succeeded')" 1000
}

@test "failed deploys lose no descriptor and no memory either" {
  local descriptors memory grown i
  keep_no_freed_memory
  cp "$HELLO" "$DIR/command"
  WORKER=("$DIR/command")
  supervise --interval=0 --deploy-attempts=1
  wait_serving 1
  rm "$DIR/command"
  for i in {1..300}; do
    kill -HUP "$SUPERVISOR"
    wait_for_failures "$i"
    if ((i == 100)); then
      descriptors=$(open_descriptors)
      memory=$(anonymous_kb)
    fi
  done
  equal "$(open_descriptors)" "$descriptors"
  grown=$(($(anonymous_kb) - memory))
  echo "grown by $grown kB in 200 deploys"
  [ "$grown" -le 50 ]
  serves 1
  children_are "$SUPERVISOR" 1
  stop_service
  equal "$STATUS_CODE" 0
}

# wait_for_failures NUMBER: until so many deploys have failed. Looks without a pause: it takes less.
wait_for_failures() {
  local deadline=$((SECONDS + PATIENCE))
  until grep -q "deploy $1 failed" "$LOG"; do
    ((SECONDS < deadline)) || return 1
  done
}

@test "under load no request is lost in a row of deploys" {
  local port wrk generation=1
  port=$(free_port)
  supervise --interval=0.2 --port="127.0.0.1:$port"
  wait_serving 1
  wrk --threads 1 --connections 16 --duration 4s --timeout "${PATIENCE}s" "http://127.0.0.1:$port/" \
    >"$DIR/wrk" 2>&1 3>&- &
  wrk=$!
  STARTED+=("$wrk")
  while alive "$wrk"; do
    kill -HUP "$SUPERVISOR"
    generation=$((generation + 1))
    wait_until status_is "$generation"
  done
  ended "$wrk"
  cat "$DIR/wrk"
  equal "$STATUS_CODE" 0
  [ "$generation" -ge 3 ]
  has "$DIR/wrk" '[1-9][0-9]* requests in'
  lacks "$DIR/wrk" 'Socket errors|Non-2xx'
}

@test "with a connection a request no request is lost in a row of deploys either" {
  local lost=0 generation
  supervise --interval=0
  wait_serving 1
  for generation in {2..11}; do
    kill -HUP "$SUPERVISOR"
    for _ in {1..10}; do
      body http://localhost/ --unix-socket "$SOCKET" || lost=$((lost + 1))
    done
    wait_until status_is "$generation"
  done
  equal "$lost" 0
}
