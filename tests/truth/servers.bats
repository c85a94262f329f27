#!/usr/bin/env bats
# Servers in real states, under load: slow to become ready, never ready, dead too soon, broken.

# shellcheck disable=SC2016,SC2030,SC2031,SC2153 # sh and jq expand them; each test is a process of its own
bats_require_minimum_version 1.5.0
load ../servers/helper
load helper

setup() {
  setup_directory
  port=$(free_port)
  URL=http://127.0.0.1:$port/
}

# load_begins [WRK-OPTION...]: wrk, until load_ends.
load_begins() {
  wrk_in_background "$URL" 'a right answer
' "$@"
}

# A second more of load, so that what a deploy spoilt would show; then wrk is asked for its report.
load_ends() {
  sleep 1
  end_load "$LOAD"
  cat "$REPORT"
}

# gunicorn OPTION...: supervised with these options of tasuki; GUNICORN are gunicorn's own.
supervise_gunicorn() {
  command -v gunicorn >/dev/null || skip "needs gunicorn"
  cp "$ROOT/tests/truth/workers/app.py" "$DIR/app.py"
  supervise_command --dir="$DIR" --port="127.0.0.1:$port" "$@" -- \
    env PYTHONDONTWRITEBYTECODE=1 gunicorn --workers 2 --graceful-timeout 10 "${GUNICORN[@]}" app:app
  wait_until serves 1
  wait_until answers "$URL"
}

break_app() { printf 'def app(environ, start_response)\n    return []\n' >"$DIR/app.py"; }
mend_app() { cp "$ROOT/tests/truth/workers/app.py" "$DIR/app.py"; }

@test "a server that needs 5 s to become ready is waited for under load: nothing lost, nobody waits" {
  script 1 'notify READY=1'
  script 2 'sleep 5' 'notify READY=1'
  supervise --port="127.0.0.1:$port" --interval=0.5
  wait_until serves 1
  load_begins --timeout 2s
  deploy_succeeds
  load_ends
  assert_no_loss "$REPORT"
  [ "$(reported generations "$REPORT")" -eq 2 ]
  serves 2
  [ "$(status '.generations[0].ready_after > 4.5')" = true ]
}

@test "the same server with --ready=delay: for seconds nobody is answered" {
  script 1 'sleep 0'
  script 2 'sleep 5'
  supervise --port="127.0.0.1:$port" --ready=delay --interval=0.5
  wait_until serves 1
  load_begins --timeout 2s
  deploy_succeeds
  wait_until plays 2
  load_ends
  [ "$(reported timeout "$REPORT")" -gt 0 ]
}

@test "a server that is never ready: the deploy fails, nothing is lost" {
  script 1 'notify READY=1'
  script 2 'deaf'
  supervise --port="127.0.0.1:$port" --interval=0.2 --ready-timeout=3
  wait_until serves 1
  load_begins --timeout 2s
  deploy_fails
  load_ends
  assert_no_loss "$REPORT"
  [ "$(reported generations "$REPORT")" -eq 1 ]
  serves 1
}

@test "a server that dies after it was ready, within probation: rolled back, and nothing is lost" {
  script 1 'notify READY=1'
  script 2 'notify READY=1' 'sleep 0.5' 'say out of memory' 'exit 1'
  supervise --port="127.0.0.1:$port" --probation=3600
  wait_until serves 1
  load_begins --timeout 2s
  deploy_fails
  contains "$output" 'out of memory'
  load_ends
  assert_no_loss "$REPORT"
  serves 1
  was_never_signalled 1
}

@test "hello-server, deployed again and again under load by tasuki restart, loses nothing" {
  supervise_command --ready=notify --port="127.0.0.1:$port" -- "$HELLO" --drain 1
  wait_until serves 1
  in_background "$BATS_TEST_TMPDIR/load.log" h2load --h1 --requests=40000 --clients=16 --threads=1 "$URL"
  local load=$CLIENT
  for _ in 1 2 3 4; do deploy_succeeds; done
  ends_with 0 "$load"
  file_has "$BATS_TEST_TMPDIR/load.log" '^requests: 40000 total, 40000 started, 40000 done, 40000 succeeded, 0 failed, 0 errored, 0 timeout$'
}

@test "what a worker says as its last word before it ends reaches who waits for the deploy, each time" {
  supervise_command --ready=notify --port="127.0.0.1:$port" -- "$HELLO"
  wait_until serves 1
  for _ in $(seq 20); do
    run "$TASUKI" restart app
    contains "$output" 'says: stopping'
  done
}

@test "gunicorn: a syntax error is deployed under load: exit status 1, the traceback's end, not one request lost" {
  GUNICORN=(--preload)
  supervise_gunicorn
  load_begins
  break_app
  deploy_fails
  contains "$output" 'SyntaxError' 'app.py", line 1' 'generation 1 is still serving'
  deploy_fails
  contains "$output" 'SyntaxError'
  mend_app
  deploy_succeeds
  load_ends
  assert_no_loss "$REPORT"
  [ "$(reported generations "$REPORT")" -eq 2 ]
  serves 4
}

@test "gunicorn says READY=1 before it has loaded the application: without --preload it takes a probation" {
  GUNICORN=(--workers 1) # what answers has loaded the application: there is no other
  supervise_gunicorn --probation=5
  load_begins
  break_app
  deploy_fails
  contains "$output" 'SyntaxError' 'generation 1 is still serving'
  load_ends
  assert_no_loss "$REPORT"
  [ "$(reported generations "$REPORT")" -eq 1 ]
  serves 1
}

@test "gunicorn: --check finds the syntax error before anything is started" {
  GUNICORN=(--workers 1) # what answers has loaded the application: there is no other
  supervise_gunicorn --check='PYTHONDONTWRITEBYTECODE=1 gunicorn --check-config app:app'
  load_begins
  break_app
  deploy_fails
  contains "$output" 'SyntaxError' 'generation 1 is still serving'
  load_ends
  assert_no_loss "$REPORT"
  run ! log_has 'generation 2: worker'
}
