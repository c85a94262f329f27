# Shared by the tests that hand sockets on to real servers: starting one of packaging/examples, and
# replacing it under load.
# shellcheck source=SCRIPTDIR/../servers/helper.bash
source "$(dirname "${BASH_SOURCE[0]}")/../servers/helper.bash"

DEPLOYS=3
# Enough to see that the load ran: hypercorn is slow to start where cores are few.
# shellcheck disable=SC2034 # for assert_no_loss
LEAST_REQUESTS=20

# A server that does not say when it is ready is ready when it answers: by its age it might get a
# stop signal before it can take one, on a machine that is busy. Old and new answer on the same
# socket, so the question is for what only the new one has. sh expands the generation.
# shellcheck disable=SC2016,SC2153
answers_itself() {
  printf -- '--ready=exec:curl -s http://127.0.0.1:%s/ | grep -qx "generation $TASUKI_GENERATION"' "$PORT"
}

# nginx has workers when it serves.
# shellcheck disable=SC2016
has_children() {
  printf -- '--ready=exec:grep -q . /proc/$TASUKI_PID/task/$TASUKI_PID/children'
}

# serve EXAMPLE [OPTION...]: this one of packaging/examples on $PORT, and nginx on $FRONT before it.
# Returns when the server answers.
serve() {
  EXAMPLE=$1
  copy_example "$EXAMPLE" "$DIR/$EXAMPLE"
  start_here env PATH="$BIN:$PATH" "$DIR/$EXAMPLE/run" --interval=0.2 --status-file="$STATUS" "${@:2}"
  start_front
  wait_until answers "http://127.0.0.1:$FRONT/"
}

# begin_load REPORT PORT [WRK-OPTION...]: wrk, until it gets an INT; its pid is added to $LOADS.
begin_load() {
  EXPECTED_BODY=${BODY:-} wrk --threads 1 --connections 8 --duration "$((PATIENCE * 5))s" --timeout "${PATIENCE}s" \
    --script "$SERVERS/wrk.lua" "${@:3}" "http://127.0.0.1:$2/" </dev/null >"$DIR/$1" 2>&1 3>&- &
  LOADS+=("$!")
  STARTED+=("$!")
}

# replace_under_load [PORT]: deploys, each to its outcome, under two loads: a connection for each
# request on PORT, the server's own unless given; and connections that nginx keeps to the server,
# as it would in production. Each server may cut off kept connections when it stops, with a request
# on its way; nginx asks again then, where a request may be asked again.
replace_under_load() {
  local load
  LOADS=()
  begin_load new "${1:-$PORT}" --header 'Connection: close'
  begin_load kept "$FRONT"
  for ((i = 0; i < DEPLOYS; i++)); do
    timeout "$((PATIENCE * 2))" "$TASUKI" restart "$EXAMPLE" || return 1
  done
  for load in "${LOADS[@]}"; do
    end_load "$load"
  done
  generation_is_at_least $((DEPLOYS + 1)) || return 1
  cat "$DIR/new" "$DIR/kept"
  assert_no_loss "$DIR/new" && assert_no_loss "$DIR/kept"
}

# worker: the pid of the newest generation's worker.
worker() {
  sort -n "$STATUS" | sed -n '$s/.*://p'
}

# --- configurations -------------------------------------------------------------------------------

nginx_temporary_paths() {
  local kind
  for kind in client_body proxy fastcgi uwsgi scgi; do
    printf '%s_temp_path nginx.temp; ' "$kind"
  done
}

# same_server N: the server, so often: nginx asks each entry once. It may have to ask more than
# twice: hypercorn accepts for a moment longer, and closes what it accepts then.
same_server() {
  local i
  for ((i = 0; i < $1; i++)); do
    printf 'server 127.0.0.1:%s max_fails=0; ' "$PORT"
  done
}

# PASS is what nginx does with a request: that of php-fpm speaks another protocol.
start_front() {
  local pass=${PASS:-proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection \"\"}
  cat >"$DIR/front.conf" <<END
daemon off;
master_process off;
error_log front.log;
pid front.pid;
events { worker_connections 256; }
http {
  access_log off;
  $(nginx_temporary_paths)
  upstream app { $(same_server 16) keepalive 8; }
  server {
    listen 127.0.0.1:$FRONT;
    location / { $pass; }
  }
}
END
  start_here nginx -p "$DIR/" -c "$DIR/front.conf" -e "$DIR/front.log"
}

# php_fpm: the program, which has the version of PHP in its name.
php_fpm() {
  find /usr/sbin -name 'php-fpm*' | head -n 1
}

# Its children become nobody where it is root's, and must read answer.php.
pass_to_php_fpm() {
  chmod a+rx "$DIR" "$(dirname "$DIR")" "$(dirname "$(dirname "$DIR")")"
  PASS="fastcgi_pass app; fastcgi_param SCRIPT_FILENAME $DIR/php-fpm/answer.php; fastcgi_param REQUEST_METHOD GET"
}
