#!/usr/bin/env bats
# --restart-on-change: a file that has changed begins a deploy, once, and wakes nobody up otherwise.
# What counts as a change is in tests/unit/change_watch_test.c.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# change TEXT: replaces the watched file, as an editor or a deploy script would.
change() {
  printf '%s\n' "$1" >"$DIR/.new"
  mv "$DIR/.new" "$DIR/app.conf"
}

# watch [OPTION...]: a service that watches a file.
watch() {
  change one
  supervise --interval=0 --restart-on-change="$DIR/app.conf" "$@"
  wait_serving 1
}

# switches: how often the supervisor has gone to sleep.
switches() {
  sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' "/proc/$SUPERVISOR/status"
}

# stays_asleep: it is not woken for a second.
stays_asleep() {
  local before
  before=$(switches)
  sleep 1
  [ "$(switches)" = "$before" ]
}

@test "a change of the file is a deploy, which says so everywhere" {
  watch --control="$DIR/control" --on-event="echo \$TASUKI_EVENT \$TASUKI_CAUSE \$TASUKI_PATH >>$DIR/notes"
  start_logged "$DIR/events" "$TASUKI" events --control="$DIR/control" --json
  change two
  wait_serving 2
  wait_until log_has "deploy 1 started by a change of $DIR/app.conf\$"
  wait_until has "$DIR/notes" "^deploy-started change $DIR/app.conf\$"
  wait_until log_has 'deploy 1 succeeded'
  equal "$("$TASUKI" status --control="$DIR/control" --json | jq -r '.deploys[0].cause')" change
  change three
  wait_serving 3
  wait_until log_has "deploy 2 started by a change of $DIR/app.conf\$"
  wait_until has "$DIR/events" '"event": ?"deploy-started".*"cause": ?"change".*"path": ?".*/app.conf"'
}

@test "many changes in a short time are one deploy, and then nothing wakes the supervisor up" {
  watch
  kill -STOP "$SUPERVISOR"
  for text in {1..50}; do change "$text"; done
  kill -CONT "$SUPERVISOR"
  wait_serving 2
  wait_until log_has 'deploy 1 succeeded'
  wait_until stays_asleep
  equal "$(count 'deploy [0-9]+ started')" 1
}

@test "a change during a deploy is remembered, once, and the deploy for it says what it is for" {
  touch "$DIR/go"
  watch --ready=exec:"test -e $DIR/go" --ready-interval=0.1
  rm "$DIR/go"
  kill -HUP "$SUPERVISOR"
  wait_until started 2
  change two
  wait_until log_has 'deploy [0-9]+ is queued'
  change three
  wait_until log_has_at_least 2 'changed: deploy requested'
  touch "$DIR/go"
  wait_serving 3
  wait_until log_has 'deploy 2 succeeded'
  log_has 'deploy 1 started$'
  log_has "deploy 2 started by a change of $DIR/app.conf\$"
  equal "$(count 'deploy [0-9]+ started')" 2
}

@test "a projected volume is watched through its links, a swap after the other" {
  local volume=$DIR/volume number
  mkdir -p "$volume/..1"
  echo 1 >"$volume/..1/app.conf"
  ln -s ..1 "$volume/..data"
  ln -s ..data/app.conf "$volume/app.conf"
  supervise --interval=0 --restart-on-change="$volume"
  wait_serving 1
  for number in 2 3; do
    mkdir "$volume/..$number"
    echo "$number" >"$volume/..$number/app.conf"
    ln -s "..$number" "$volume/..data_tmp"
    mv -T "$volume/..data_tmp" "$volume/..data"
    rm -r "$volume/..$((number - 1))"
    wait_serving "$number"
    wait_until log_has "deploy $((number - 1)) succeeded"
  done
  equal "$(count "started by a change of $volume\$")" 2
}

@test "a failed deploy is not repeated for the same change, and the next change is tried" {
  use_failing_worker
  watch
  touch "$DIR/fail"
  change two
  wait_until log_has 'deploy 1 failed'
  wait_until stays_asleep
  rm "$DIR/fail"
  change three
  wait_until log_has 'deploy 2 succeeded'
  equal "$(count 'deploy [0-9]+ started by a change')" 2
}

@test "the configuration file may watch itself, and says from then on what else is watched" {
  local file=$DIR/app.ini
  printf '[service]\ncommand = %s\n[listen]\npath = %s\n[deploy]\ninterval = 0\nrestart-on-change = %s\n' \
    "$HELLO" "$SOCKET" "$file" >"$file"
  start "$TASUKI" --config="$file" --status-file="$STATUS_FILE"
  SUPERVISOR=$PID
  wait_serving 1
  touch "$DIR/app.conf"
  printf 'restart-on-change = %s/app.conf\n' "$DIR" >>"$file"
  wait_serving 2
  wait_until log_has "deploy 1 started by a change of $file\$"
  wait_until log_has 'deploy 1 succeeded'
  change two
  wait_serving 3
  wait_until log_has "deploy 2 started by a change of $DIR/app.conf\$"
}

@test "a stop during the pause after a change is obeyed at once, and nothing is started any more" {
  watch
  kill -STOP "$SUPERVISOR"
  change two
  kill -TERM "$SUPERVISOR"
  kill -CONT "$SUPERVISOR"
  ended "$SUPERVISOR"
  equal "$STATUS_CODE" 0
  equal "$(count 'deploy [0-9]+ started')" 0
  nothing_left
}
