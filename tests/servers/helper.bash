# Shared by the tests that restart real servers under load: how a server is started under the
# supervisor, how it is put under load while it is deployed once a second, and what a report of
# that load must say.
#
# SUPERVISOR names the program under test (default: ours; the reference passes as well).
#
# Two load tools, since each sees what the other does not. wrk checks every status and body
# (wrk.lua), but it stops at the end of its time and never looks at what is then under way. h2load
# speaks to unix sockets and waits for the answer to its last request, but checks only statuses
# and sizes.

# shellcheck source=SCRIPTDIR/../helpers.bash
source "$(dirname "${BASH_SOURCE[0]}")/../helpers.bash"

SERVERS=$ROOT/tests/servers
SUPERVISOR=${SUPERVISOR:-$START_SERVER}

# The profile of every test: deploys one second apart, or more where a start takes longer, and then load
# until the last one's old generation has ended, one second later.
DEPLOYS=8

# How many of them must have led to a new generation. Not all: a deploy takes --interval=1 and a
# bit, so that on a busy machine two HUPs may become one deploy.
LEAST_DEPLOYS=4

# Enough answers that a loss of some a deploy would show, few enough for a slow machine.
LEAST_REQUESTS=1000

setup_directory() {
  # Every process of a test runs in this directory; processes_here finds them by it.
  DIR=$(realpath "$BATS_TEST_TMPDIR")
  STATUS=$DIR/status
  PID_FILE=$DIR/pid
}

setup() {
  setup_directory
}

teardown() {
  end_everything
  no_sanitizer_reports
}

# start_here COMMAND [ARG...]: start, in the directory of the test.
start_here() {
  start env -C "$DIR" "$@"
}

# supervise OPTION... -- SERVER [ARG...]: the server under the supervisor, in the background.
supervise() {
  start_here "$SUPERVISOR" --interval=1 --status-file="$STATUS" --pid-file="$PID_FILE" "$@"
}

# h2o_starts LOG: how often h2o said there that it serves.
h2o_starts() {
  grep -c 'h2o server (pid:[0-9]*) is ready to serve requests' "$1" || true
}

h2o_started_at_least() {
  [ "$(h2o_starts "$1")" -ge "$2" ]
}

# deploy_every_second PID: HUP after HUP, each once the one before has led to a new generation, where a
# status file tells. The second is the profile of the load, not a guess how long something takes.
deploy_every_second() {
  local i generation
  for ((i = 0; i < DEPLOYS; i++)); do
    sleep 1
    generation=$(newest_generation)
    kill -HUP "$1"
    [ "$generation" -eq 0 ] || patiently $((PATIENCE * 10)) generation_is_at_least $((generation + 1))
  done
}

# wrk_in_background URL BODY [WRK-OPTION...]: starts the load; its pid is in $LOAD, its report
# will be in $REPORT after end_load.
wrk_in_background() {
  local url=$1 body=$2
  shift 2
  REPORT=$DIR/wrk
  EXPECTED_BODY=$body wrk --threads 1 --connections 32 --duration "$((PATIENCE * 5))s" \
    --timeout "${PATIENCE}s" --script "$SERVERS/wrk.lua" "$@" "$url" </dev/null >"$REPORT" 2>&1 3>&- &
  LOAD=$!
  STARTED+=("$LOAD")
}

# wrk_during_deploys SUPERVISOR-PID URL BODY [WRK-OPTION...]
wrk_during_deploys() {
  local supervisor=$1
  shift
  wrk_in_background "$@"
  deploy_every_second "$supervisor"
  sleep 2
  end_load "$LOAD"
}

# end_load PID: asks wrk for its report. What it exits with does not matter: the report tells, and a
# missing one fails.
end_load() {
  kill -INT "$1"
  wait "$1" || true
}

# reported FIELD REPORT: one number of wrk.lua's line of results, nothing if it is not there.
reported() {
  sed -n "s/^RESULT .*\\b$1=\\([0-9][0-9]*\\)\\b.*/\\1/p" "$2"
}

# assert_no_loss REPORT: every request was answered, and rightly.
assert_no_loss() {
  local report=$1 field
  for field in wrong connect read write status timeout; do
    if [ "$(reported "$field" "$report")" != 0 ]; then
      echo "wrk: $field is not 0:"
      cat "$report"
      return 1
    fi
  done
  if [ "$(reported right "$report")" != "$(reported requests "$report")" ] ||
    [ "$(reported requests "$report")" -lt "$LEAST_REQUESTS" ]; then
    echo "wrk: not all answers were right, or there were fewer than $LEAST_REQUESTS:"
    cat "$report"
    return 1
  fi
}

# assert_generations_answered REPORT: the load saw the deploys (servers that send X-Generation).
assert_generations_answered() {
  local seen
  seen=$(reported generations "$1")
  if [ "${seen:-0}" -le "$LEAST_DEPLOYS" ]; then
    echo "the load saw ${seen:-no} generations, not more than $LEAST_DEPLOYS"
    return 1
  fi
}

# h2load_round SOCKET LENGTH: 1,000 requests on a unix socket, each answered with 200 and LENGTH
# bytes. A number of requests, not a duration: h2load then waits for every answer (and with a
# duration it does not end when the server closes connections).
h2load_round() {
  local socket=$1 length=$2 report=$DIR/h2load
  timeout "$((PATIENCE * 2))" h2load --h1 --requests=1000 --clients=32 --threads=1 --base-uri="unix:$socket" \
    http://localhost/ </dev/null >"$report" 2>&1 || true
  assert_h2load_lost_nothing "$report" 1000 "$length"
}

# assert_h2load_lost_nothing REPORT REQUESTS LENGTH
assert_h2load_lost_nothing() {
  local report=$1 count=$2 bytes=$(($2 * $3)) line
  for line in \
    "^requests: $count total, $count started, $count done, $count succeeded, 0 failed, 0 errored, 0 timeout\$" \
    "^status codes: $count 2xx, 0 3xx, 0 4xx, 0 5xx\$" \
    "^traffic: .* \\($bytes\\) data\$"; do
    if ! grep -Eq "$line" "$report"; then
      echo "h2load did not report: $line"
      cat "$report"
      return 1
    fi
  done
}

# h2load_during_deploys SUPERVISOR-PID SOCKET LENGTH: round after round until all deploys were
# asked for, and at least one more.
h2load_during_deploys() {
  local deploys rounds=0
  deploy_every_second "$1" 3>&- &
  deploys=$!
  STARTED+=("$deploys")
  until gone "$deploys"; do
    h2load_round "$2" "$3"
    rounds=$((rounds + 1))
  done
  h2load_round "$2" "$3"
  [ $((rounds * 1000)) -ge "$LEAST_REQUESTS" ]
}

assert_stops_without_trace() {
  assert_leaves_no_trace "$1" "$STATUS" "$PID_FILE"
}

assert_nothing_left() {
  wait_until nobody_is_here
  absent "$STATUS" "$PID_FILE"
}

# start_nginx PORT SERVER DIRECTIVE [SERVER...]: a proxy on 127.0.0.1:PORT for SERVER (and the
# others), with DIRECTIVE in its location. Returns when it answers. One process, to be ended by pid.
start_nginx() {
  local port=$1 directive=$3 server servers=""
  for server in "$2" "${@:4}"; do
    servers+="server $server max_fails=0; "
  done
  cat >"$DIR/nginx.conf" <<EOF
daemon off;
master_process off;
pid nginx.pid;
error_log nginx.log;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path nginx.temp;
  proxy_temp_path nginx.temp;
  fastcgi_temp_path nginx.temp;
  uwsgi_temp_path nginx.temp;
  scgi_temp_path nginx.temp;
  upstream application { $servers }
  server {
    listen 127.0.0.1:$port;
    location / {
      proxy_pass http://application;
      $directive
    }
  }
}
EOF
  start_here nginx -p "$DIR/" -c "$DIR/nginx.conf" -e "$DIR/nginx.log"
  wait_until answers "http://127.0.0.1:$port/"
}
