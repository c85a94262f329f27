#!/usr/bin/env bats
# The client commands, against supervisors that play a script.

# shellcheck disable=SC2154 # the helper has the scripts
bats_require_minimum_version 1.5.0
load helper

setup() {
  export TASUKI_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
  mkdir "$TASUKI_RUNTIME_DIR"
}

# --- restart --------------------------------------------------------------------------------------

@test "restart stays until the deploy has succeeded, tells every event on a line, and exits 0" {
  fake app <<<"on restart
$deploy_begins
$deploy_succeeds"
  run --separate-stderr -0 "$TASUKI" restart app
  [ "$output" = "deploy 3 started
generation 4: worker 1234 started
generation 4: worker 1234 says: loading models
generation 4: worker 1234 is ready after 800 ms
generation 4 is serving; signalling older workers now
generation 3: sent TERM to worker 1100
generation 3: worker 1100 has 12 connections left
generation 3: worker 1100 exited with status 0
app: deploy 3 succeeded: generation 4 is serving, ready after 0.8 s, done in 1.9 s" ]
  # shellcheck disable=SC2154
  [ -z "$stderr" ]
}

@test "restart on a terminal draws one line anew as things change" {
  fake app <<<"on restart
$deploy_begins
await $BATS_TEST_TMPDIR/go
$deploy_succeeds"
  start_logged "$BATS_TEST_TMPDIR/screen" on_terminal 80 "$TASUKI restart"
  wait_until file_has "$BATS_TEST_TMPDIR/screen" 'starting generation 4 \(pid 1234\): loading models'
  touch "$BATS_TEST_TMPDIR/go"
  ends_with 0 "$PID"
  file_has "$BATS_TEST_TMPDIR/screen" 'app \(.*\): ready after 0.8 s, retiring the old one with 12 connections left'
  run -0 screen <"$BATS_TEST_TMPDIR/screen"
  [ "$output" = "app: deploy 3 succeeded: generation 4 is serving, ready after 0.8 s, done in 1.9 s" ]
}

@test "restart on a narrow terminal cuts the line that it draws, so that it stays one" {
  fake app <<<"on restart
$deploy_begins
{\"event\":\"worker-status\",\"generation\":4,\"pid\":1234,\"text\":\"襷を次の走者へ渡す 襷を次の走者へ渡す\"}
await $BATS_TEST_TMPDIR/go
{\"result\":\"succeeded\",\"deploy\":3,\"generation\":4,\"seconds\":1.9}"
  start_logged "$BATS_TEST_TMPDIR/screen" on_terminal 50 "$TASUKI restart"
  wait_until file_has "$BATS_TEST_TMPDIR/screen" '襷'
  touch "$BATS_TEST_TMPDIR/go"
  ends_with 0 "$PID"
  run -0 grep -a '襷' <(tr '\r' '\n' <"$BATS_TEST_TMPDIR/screen")
  (($(printf '%s\n' "${lines[0]#$'\e[K'}" | LC_ALL=C.UTF-8 widest) < 50))
}

@test "restart on a terminal leaves a line for what went wrong on the way" {
  fake app <<<"on restart
$deploy_begins
{\"event\":\"start-failed\",\"generation\":4,\"pid\":1234,\"signal\":\"SEGV\"}
{\"event\":\"paused\",\"seconds\":1}
{\"event\":\"spawned\",\"generation\":5,\"pid\":1235}
{\"event\":\"ready\",\"generation\":5,\"pid\":1235,\"seconds\":0.02}
{\"result\":\"succeeded\",\"deploy\":3,\"generation\":5,\"seconds\":3}"
  on_terminal 80 "$TASUKI restart" >"$BATS_TEST_TMPDIR/screen"
  run -0 screen <"$BATS_TEST_TMPDIR/screen"
  [ "$output" = "generation 4: worker 1234 was killed by SEGV before it was ready
app: deploy 3 succeeded: generation 5 is serving, ready after 20 ms, done in 3.0 s" ]
}

@test "restart --json gives the lines as they came, and the exit status tells the outcome" {
  fake app <<<'on restart
{"event":"spawned","time":1732312345.678,"generation":4,"pid":1234}
{"result":"failed","deploy":3,"reason":"x","generation":3,"last_words":null,"output":"y"}'
  run --separate-stderr -1 "$TASUKI" restart --json
  [ "$output" = '{"event":"spawned","time":1732312345.678,"generation":4,"pid":1234}
{"result":"failed","deploy":3,"reason":"x","generation":3,"last_words":null,"output":"y"}' ]
  [ -z "$stderr" ]
}

@test "a deploy that fails exits 1 with the reason, the last words, and who serves on" {
  fake app <<<"on restart
$deploy_begins
$deploy_fails
"'{"result":"failed","deploy":3,"reason":"the new worker died before it was ready","generation":3,"last_words":"Traceback:\n  File \"app.py\", line 3\n\u001b[31mSyntaxError\u001b[0m: \u001b]0;title\u0007invalid\n"}'
  run --separate-stderr -1 "$TASUKI" restart
  [ "$stderr" = 'tasuki: app: deploy 3 failed: the new worker died before it was ready
  Its last words:
    Traceback:
      File "app.py", line 3
    SyntaxError: invalid
tasuki: app: generation 3 is still serving' ]
  [ "${lines[-1]}" = "generation 4: worker 1234 exited with status 1 before it was ready" ]
}

@test "a deploy that fails without last words says where the output went" {
  fake app <<<'on restart
{"result":"failed","deploy":1,"reason":"it was not ready in time","generation":null,"last_words":null,"output":"the journal (journalctl _PID=12)"}'
  run --separate-stderr -1 "$TASUKI" restart
  [ "$stderr" = 'tasuki: app: deploy 1 failed: it was not ready in time
tasuki: app: its output went to the journal (journalctl _PID=12)
tasuki: app: no generation is serving' ]
}

@test "an error in the place of an outcome is shown and exits 1" {
  fake app </dev/null
  run --separate-stderr -1 "$TASUKI" restart
  [ "$stderr" = "tasuki: app: no such request" ]
}

@test "restart --timeout exits 4 and says that the deploy goes on" {
  fake app <<<"on restart
$deploy_begins
hold"
  run --separate-stderr -4 "$TASUKI" restart --timeout=200ms
  [ "$stderr" = "tasuki: app: --timeout passed; the deploy continues" ]
}

@test "restart --timeout ends the waiting for a supervisor that does not answer at all" {
  fake app <<<'on restart'
  kill -STOP "$PID"
  run --separate-stderr -4 "$TASUKI" restart --timeout=0.2
  kill -CONT "$PID"
}

@test "an interrupted restart exits 130 and says that the deploy goes on" {
  fake app <<<"on restart
$deploy_begins
hold"
  start env --default-signal=INT "$TASUKI" restart
  wait_until log_has 'loading models'
  kill -INT "$PID"
  ends_with 130 "$PID"
  log_has '^tasuki: app: interrupted; the deploy continues$'
}

@test "a deploy that a stop overtakes exits 5" {
  fake app <<<"on restart
$deploy_begins
{\"result\":\"stopped\",\"deploy\":3}"
  run --separate-stderr -5 "$TASUKI" restart
  [ "$stderr" = "tasuki: app: the deploy was cancelled: the service is stopping" ]
}

@test "a supervisor that says that it stops and goes makes restart exit 5, with --json too" {
  fake app <<<"on restart
{\"event\":\"stopping\",\"time\":\"@0\"}
quit"
  run --separate-stderr -5 "$TASUKI" restart --json
  [ "$stderr" = "tasuki: app: the deploy was cancelled: the service is stopping" ]
}

@test "a supervisor that vanishes in the middle makes restart exit 3 with a clear line" {
  fake app <<<"on restart
$deploy_begins
crash"
  run --separate-stderr -3 "$TASUKI" restart
  [ "$stderr" = "tasuki: app: the supervisor exited during the deploy" ]
}

@test "a reply that is no JSON object exits 1 with a clear line" {
  fake app <<<"on restart
raw hello"
  run --separate-stderr -1 "$TASUKI" restart
  [ "$stderr" = "tasuki: app: unexpected reply from the supervisor" ]
}

@test "a reply of half a megabyte is understood" {
  # Not through a pipe: in a subshell nobody would remember what was started.
  fake app < <(
    echo 'on restart'
    printf '{"result":"failed","deploy":3,"reason":"x","generation":3,"last_words":"begin %s end"}\n' \
      "$(head -c 500000 /dev/zero | tr '\0' x)"
  )
  run --separate-stderr -1 "$TASUKI" restart
  [[ $stderr == *" end"* ]]
}

@test "twenty clients that wait for one deploy each get its outcome" {
  local i pids=()
  fake app <<<"on restart
$deploy_begins
await $BATS_TEST_TMPDIR/go
$deploy_succeeds"
  for ((i = 0; i < 20; i++)); do
    start_logged "$BATS_TEST_TMPDIR/client.$i" "$TASUKI" restart
    pids+=("$PID")
  done
  for ((i = 0; i < 20; i++)); do
    wait_until file_has "$BATS_TEST_TMPDIR/client.$i" 'loading models'
  done
  touch "$BATS_TEST_TMPDIR/go"
  for ((i = 0; i < 20; i++)); do
    ends_with 0 "${pids[i]}"
    file_has "$BATS_TEST_TMPDIR/client.$i" 'deploy 3 succeeded'
  done
}

# --- which supervisor -----------------------------------------------------------------------------

@test "without any supervisor every command exits 3 and says where it looked" {
  local word
  for word in restart status stop reopen "signal HUP" events; do
    # shellcheck disable=SC2086
    run --separate-stderr -3 "$TASUKI" $word
    [ "$stderr" = "tasuki: no supervisor is running for this user (none listens in $TASUKI_RUNTIME_DIR)" ]
  done
}

@test "a directory of control sockets that is not there is no supervisor" {
  rmdir "$TASUKI_RUNTIME_DIR"
  run -3 "$TASUKI" status
}

@test "a name that nobody has exits 3" {
  fake app <<<'on reopen'
  run --separate-stderr -3 "$TASUKI" restart other
  [[ $stderr == "tasuki: no supervisor 'other' is running ("*"/other.sock: No such file or directory)" ]]
}

@test "a stale socket is passed over, and is no supervisor by its name either" {
  stale old
  fake app <<<"on status
$status_of_app"
  echo rubbish >"$TASUKI_RUNTIME_DIR/file.sock"
  run -0 "$TASUKI" status
  [[ $output == "app: serving"* ]]
  run -3 "$TASUKI" status old
  run -3 "$TASUKI" status file
}

@test "with several supervisors and no name, the names are listed and the exit status is 2" {
  fake web <<<'on restart'
  fake api <<<'on restart'
  stale old
  run --separate-stderr -2 "$TASUKI" restart
  [ "$stderr" = "tasuki: several supervisors are running, name one of them: api, web" ]
  run ! asked web restart
  run ! asked api restart
}

@test "--control reaches a supervisor anywhere" {
  fake app <<<'on reopen
{"result":"ok"}'
  mv "$TASUKI_RUNTIME_DIR/app.sock" "$BATS_TEST_TMPDIR/elsewhere"
  run -3 "$TASUKI" reopen
  run -0 "$TASUKI" reopen --control="$BATS_TEST_TMPDIR/elsewhere"
  run -3 "$TASUKI" reopen --control="$BATS_TEST_TMPDIR/nothing"
}

# --- status ---------------------------------------------------------------------------------------

@test "status shows the only supervisor in detail, in 80 columns" {
  fake app <<<"on status
$status_of_app"
  run --separate-stderr -0 "$TASUKI" status
  [ "$output" = "app: serving, pid 1200, up 3 days, tasuki 0.1.0
  ./app --config app.conf

  GENERATION  STATE      PID    AGE  READY AFTER  MEMORY  CONNECTIONS
           3  stopping  1100    2 h        1.1 s   60 MB            3
         * 4  serving   1234  3 min        0.8 s   45 MB           12
              12 clients

  FD  TYPE    WAITING  CONNECTIONS  LISTENER
   3  tcp   2 of 4096           15  127.0.0.1:8080
   4  udp           -            -  127.0.0.1:53

  DEPLOY  BY         AGO   TOOK  OUTCOME
       3  request  3 min  1.9 s  succeeded: generation 4
       2  time       2 h   60 s  failed: the new worker died before it was
                                 ready, in each of the attempts that it had" ]
}

@test "status tells of the deploy under way" {
  fake app <<<'on status
{"status":{"name":"app","pid":1,"version":"1","command":["app"],"started":"@-5","state":"starting","generations":[],"listeners":[],"deploy":{"id":4,"cause":"request","seconds":2.25,"attempt":2},"deploys":[]}}
{"result":"ok"}'
  run -0 "$TASUKI" status
  [[ $output == *"Deploy 4 (by request) is under way for 2.2 s, attempt 2."* ]]
}

@test "status without a name shows several supervisors in a table" {
  fake web <<<"on status
${status_of_app//\"app\",\"pid\":1200/\"web\",\"pid\":77}"
  fake app <<<"on status
$status_of_app"
  run --separate-stderr -0 "$TASUKI" status
  [ "$output" = "NAME  STATE     PID      UP  GENERATION  LAST DEPLOY
app   serving  1200  3 days           4  succeeded 3 min ago
web   serving    77  3 days           4  succeeded 3 min ago" ]
  run -0 "$TASUKI" status web
  [[ $output == "web: serving, pid 77"* ]]
}

@test "status --json gives an object a line for each supervisor" {
  fake web <<<"on status
$status_of_app"
  run -0 "$TASUKI" status --json
  [ "$(jq --raw-output '.generations[1].pid' <<<"$output")" = 1234 ]
  fake app <<<"on status
$status_of_app"
  run -0 "$TASUKI" status --json
  [ "${#lines[@]}" = 2 ]
  [ "$(jq --raw-output .state <<<"$output")" = $'serving\nserving' ]
}

@test "status and events that cannot be written exit 1 with the reason" {
  [ -c /dev/full ] || skip 'no /dev/full here'
  fake app <<<"on status
$status_of_app
on events
"'{"event":"something-new","time":0}
{"event":"something-new","time":0}'
  for command in status events; do
    run -1 bash -c '"$@" >/dev/full' - "$TASUKI" "$command"
    [ "$output" = "tasuki: cannot write to standard output: No space left on device" ]
  done
}

@test "a supervisor that hangs does not hide the others" {
  fake hung <<<'on status'
  local hung=$PID
  kill -STOP "$hung"
  fake app <<<"on status
$status_of_app"
  run --separate-stderr -1 "$TASUKI" status
  kill -CONT "$hung"
  [[ $output == *"app   serving"* ]]
  [[ $output == *"hung  no answer"* ]]
  [ "$stderr" = "tasuki: hung: the supervisor does not answer" ]
}

@test "status without null numbers or any deploys or generations still reads" {
  fake app <<<'on status
{"status":{"name":"app","state":"down"}}
{"result":"ok"}'
  run -0 "$TASUKI" status
  [[ $output == "app: down, pid 0"* ]]
}

# --- stop -----------------------------------------------------------------------------------------

@test "stop returns when the supervisor's process has ended" {
  fake app <<<'on stop
{"event":"stopping","time":"@0"}
{"event":"signalled","time":"@0","generation":3,"pid":1100,"signal":"TERM"}
{"event":"left","time":"@0","generation":3,"pid":1100,"exit_status":0}
{"result":"ok"}
sleep 0.3
quit'
  local supervisor=$PID
  run --separate-stderr -0 "$TASUKI" stop
  gone "$supervisor"
  [ "${lines[0]}" = "stopping" ]
  [ "${lines[2]}" = "generation 3: worker 1100 exited with status 0" ]
  [[ ${lines[3]} == "app: stopped after "* ]]
}

@test "stop of a supervisor that ends in another way in between is done" {
  fake app <<<'on stop
crash'
  run -0 "$TASUKI" stop
}

@test "stop --timeout exits 4 and says that the stop goes on" {
  fake app <<<'on stop
{"event":"stopping"}
hold'
  run --separate-stderr -4 "$TASUKI" stop --timeout=0.2
  [ "$stderr" = "tasuki: app: --timeout passed; the stop continues" ]
}

# --- reopen, signal, events -----------------------------------------------------------------------

@test "reopen and signal say nothing when it is done" {
  fake app <<<'on reopen
{"result":"ok"}
on signal SIGUSR2
{"result":"ok"}'
  run -0 "$TASUKI" reopen
  [ -z "$output" ]
  run -0 "$TASUKI" signal SIGUSR2 app
  [ -z "$output" ]
  asked app "signal SIGUSR2"
}

@test "reopen and signal exit 1 with the supervisor's words when it cannot be done" {
  fake app <<<'on signal USR1
{"result":"error","message":"no worker is running"}
on reopen
crash'
  run -1 "$TASUKI" signal USR1
  [ "$output" = "tasuki: app: no worker is running" ]
  run -3 "$TASUKI" reopen
  [ "$output" = "tasuki: app: the supervisor exited" ]
}

@test "events follows until the supervisor is stopped, with the time before each" {
  fake app <<<'on events
{"event":"crashed","time":0,"generation":4,"pid":1234,"signal":"KILL"}
{"event":"something-new","time":0,"answer":42,"words":["a"]}
{"event":"stopping","time":0}
quit'
  TZ=UTC run --separate-stderr -0 "$TASUKI" events
  [ "$output" = '00:00:00  generation 4: worker 1234 was killed unexpectedly (KILL)
00:00:00  something-new answer=42 words=["a"]
00:00:00  stopping' ]
}

@test "events --json gives the lines as they came, at once" {
  fake app <<<'on events
{"event":"spawned","time":1.5,"generation":4,"pid":1234}
hold'
  start "$TASUKI" events --json
  wait_until log_has '^\{"event":"spawned","time":1.5,"generation":4,"pid":1234\}$'
}

@test "events exits 3 when the supervisor vanishes" {
  fake app <<<'on events
crash'
  run -3 "$TASUKI" events
}

# --- usage ----------------------------------------------------------------------------------------

@test "every command has its help" {
  local word
  for word in restart status stop reopen signal events; do
    "$TASUKI" "$word" --help >"$BATS_TEST_TMPDIR/log"
    log_has "^Usage: tasuki $word \[OPTIONS\]"
    log_has '--control=PATH'
    log_has '^  3    no such supervisor'
    (($(widest <"$BATS_TEST_TMPDIR/log") <= 80))
  done
}

# refused MESSAGE WORD...: a command that must exit 2 with this line and ask nobody.
refused() {
  local message=$1 status=0
  shift
  "$TASUKI" "$@" >"$BATS_TEST_TMPDIR/log" 2>&1 || status=$?
  [ "$status" = 2 ]
  [ "$(cat "$BATS_TEST_TMPDIR/log")" = "tasuki: $message" ]
}

@test "a bad option or word is one line that names it, and exits 2" {
  fake app <<<'on restart'
  refused "restart: --what: unknown option (see --help)" restart --what
  refused "restart: --what: unknown option (see --help)" restart app --what
  refused "restart: --josn: unknown option; did you mean --json?" restart app --josn
  refused "restart: --c is ambiguous: --control, --config" restart --c=/x
  refused "status: --timeout=5: unknown option (see --help)" status --timeout=5
  refused "restart: --timeout: expected DURATION, got nothing" restart --timeout
  refused "restart: --timeout: expected a duration such as 5, 0.2, 300ms or 2m, got 'soon'" restart --timeout=soon
  refused "restart: --json: expected no value, got 'yes'" restart --json=yes
  refused "restart: --json: given twice" restart --json --json
  refused "restart: expected one name, got 'b' too" restart a b
  refused "restart: expected only one of NAME, --control and --config" restart a --control=/x
  refused "restart: --control: expected PATH, got nothing" restart --control=
  refused "signal: missing signal; usage: tasuki signal SIGNAL [NAME]" signal
  refused "signal: expected a signal such as TERM, SIGUSR1 or 15, got 'app'" signal app
  run -2 "$TASUKI" restart ../app
  [[ $output == "tasuki: expected a service name of 1 to 64 letters"* ]]
  run ! asked app restart
}
