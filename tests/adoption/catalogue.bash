# The servers: how each is started on its own usual bind options, as its users do, and what is known
# of it. A function for each sets what the tests and the table need:
#
#   TITLE     its name for people
#   COMMAND   the server with its arguments
#   HOLD      the option of the supervisor that holds its address
#   ADDRESS   where the load asks
#   OPTIONS   more options of the supervisor
#   LOAD      options of the load
#
# They expect DIR (a directory of the test), port (a free one), SERVERS and PROGRAMS.
# shellcheck shell=bash disable=SC2034,SC2154 # the tests read and set them

# Every server, in the order of the table.
CATALOGUE=(http_server gunicorn gunicorn_unix uvicorn node_http node_cluster go nginx apache php redis
  threads wrapped udp_echo)

# describe SERVER: calls its function below.
describe() {
  HOLD=--port=127.0.0.1:$port
  ADDRESS=127.0.0.1:$port
  OPTIONS=()
  LOAD=(--size 15)
  "server_$1"
}


server_http_server() {
  TITLE="\`python3 -m http.server\`"
  mkdir -p "$DIR/site"
  head -c 65536 /dev/zero | tr '\0' x >"$DIR/site/index.html"
  COMMAND=(python3 -m http.server --bind 127.0.0.1 --directory "$DIR/site" "$port")
  LOAD=(--size 65536)
}

server_gunicorn() {
  TITLE=gunicorn
  COMMAND=(gunicorn --bind "127.0.0.1:$port" --workers 2 --pythonpath "$SERVERS" app:wsgi)
}

server_gunicorn_unix() {
  TITLE="gunicorn, unix socket"
  HOLD=--path=$DIR/gunicorn.sock
  ADDRESS=$DIR/gunicorn.sock
  COMMAND=(gunicorn --bind "unix:$DIR/gunicorn.sock" --workers 2 --pythonpath "$SERVERS" app:wsgi)
}

server_uvicorn() {
  TITLE=uvicorn
  COMMAND=(uvicorn --host 127.0.0.1 --port "$port" --log-level warning --app-dir "$SERVERS" app:asgi)
}

server_node_http() {
  TITLE="Node \`http\`"
  COMMAND=(node "$SERVERS/http.js" 127.0.0.1 "$port")
}

server_node_cluster() {
  TITLE="Node \`cluster\`"
  COMMAND=(node "$SERVERS/cluster.js" 127.0.0.1 "$port")
}

server_go() {
  TITLE="Go \`net/http\`, static"
  COMMAND=("$PROGRAMS/go-server" "127.0.0.1:$port")
}

# as_root: prints a line of configuration where root would become somebody who cannot read here.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    printf '%s\n' "$1"
  fi
}

server_nginx() {
  TITLE="nginx, \`daemon off\`"
  mkdir -p "$DIR/site"
  head -c 32768 /dev/zero | tr '\0' x >"$DIR/site/index.html"
  cat >"$DIR/nginx.conf" <<EOF
daemon off;
worker_processes 2;
$(as_root "user root;")
pid nginx.pid;
error_log stderr;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path nginx.temp;
  proxy_temp_path nginx.temp;
  fastcgi_temp_path nginx.temp;
  uwsgi_temp_path nginx.temp;
  scgi_temp_path nginx.temp;
  server {
    listen 127.0.0.1:$port;
    root $DIR/site;
    limit_rate 512k; # an answer takes a moment
  }
}
EOF
  COMMAND=(nginx -p "$DIR/" -e stderr -c "$DIR/nginx.conf")
  OPTIONS=(--signal-on-hup=QUIT --signal-on-term=QUIT)
  LOAD=(--size 32768)
}

server_apache() {
  local modules=/usr/lib/apache2/modules page=/usr/share/common-licenses/GPL-3
  TITLE="Apache httpd, \`-DFOREGROUND\`"
  cat >"$DIR/httpd.conf" <<EOF
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule alias_module $modules/mod_alias.so
LoadModule ratelimit_module $modules/mod_ratelimit.so
LoadModule env_module $modules/mod_env.so
ServerName localhost
ServerRoot $DIR
PidFile $DIR/httpd.\${SERVER_STARTER_GENERATION}.pid
ErrorLog /dev/stderr
$(as_root "User www-data")
$(as_root "Group www-data")
Listen 127.0.0.1:$port
StartServers 1
AliasMatch ^/$ $page
<Location />
  SetOutputFilter RATE_LIMIT
  SetEnv rate-limit 120
</Location>
EOF
  COMMAND=(apache2 -d "$DIR" -f "$DIR/httpd.conf" -DFOREGROUND)
  OPTIONS=(--signal-on-hup=WINCH --signal-on-term=WINCH)
  LOAD=(--size "$(stat -c %s "$page")")
}

server_php() {
  TITLE="\`php -S\`"
  COMMAND=(php -S "127.0.0.1:$port" "$SERVERS/index.php")
}

server_redis() {
  TITLE=redis-server
  COMMAND=(redis-server --bind 127.0.0.1 --port "$port" --save "" --dir "$DIR")
  LOAD=(--protocol redis)
}

server_threads() {
  TITLE="C, threads with \`SO_REUSEPORT\`"
  COMMAND=("$PROGRAMS/threads" 127.0.0.1 "$port")
}

server_wrapped() {
  server_go
  TITLE="the Go server below two shell scripts"
  COMMAND=("$SERVERS/wrapper" "$SERVERS/wrapper" "${COMMAND[@]}")
}

server_udp_echo() {
  TITLE="UDP echo in Python"
  HOLD=--port=127.0.0.1:u$port
  COMMAND=(python3 "$SERVERS/echo.py" 127.0.0.1 "$port")
  LOAD=(--protocol udp --timeout 500)
}
