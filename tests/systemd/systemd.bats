#!/usr/bin/env bats
# tasuki@.service on a real systemd: it starts, deploys, restarts and crashes there as its users' do.

bats_require_minimum_version 1.5.0
load helper

export BATS_NO_PARALLELIZE_WITHIN_FILE=true

# One container for all.
setup_file() {
  [ "$(id -u)" -eq 0 ] || skip "booting a container takes root"
  boot
}

teardown_file() {
  [ -z "${NSPAWN:-}" ] || shut_down
}

setup() {
  inside systemctl reset-failed
}

teardown() {
  journal | tail -n 40
  inside systemctl stop tasuki@app || true
  rm -rf "$(files /run/systemd/system/tasuki@app.service.d)"
  inside systemctl daemon-reload
  inside journalctl --rotate --quiet
  inside journalctl --vacuum-time=1us --quiet
  kill_started
}

# The service of most tests: a port and a path.
serve() {
  service '[service]' 'command = /usr/bin/hello-server --drain 5' \
    '[listen http]' 'port = 8080' '[listen local]' 'path = /run/tasuki-app/app.sock' \
    '[deploy]' 'ready = notify' 'ready-timeout = 10' 'stop-timeout = 10' "$@"
  inside systemctl start tasuki@app
}

@test "the template passes systemd-analyze, and what it leaves to a service is told" {
  service '[service]' 'command = /usr/bin/hello-server' '[listen http]' 'port = 8080'
  run inside systemd-analyze verify --man=no /usr/lib/systemd/system/tasuki@.service
  echo "$output"
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  run inside systemd-analyze security --no-pager tasuki@app.service
  echo "# $(tail -n 1 <<<"$output")" >&3
  # The exposure of a unit without any of it is 9.6.
  [ "$(sed -nE 's/.*exposure level .*: ([0-9])\.([0-9]).*/\1\2/p' <<<"$output")" -lt 55 ]
}

@test "the unit is started when the first generation is ready, and its state is a sentence" {
  serve
  property_is ActiveState active
  wait_until property_is StatusText 'generation 1 is serving'
  inside_network curl --silent --fail http://127.0.0.1:8080/ | grep -q 'generation 1'
  inside systemctl stop tasuki@app
  property_is ActiveState inactive
  property_is Result success
}

@test "a reload under load loses nothing, and returns when the new generation serves alone" {
  serve
  knock 8080 8080 8080 8080 /run/tasuki-app/app.sock /run/tasuki-app/app.sock
  for generation in 2 3 4; do
    inside systemctl reload tasuki@app
    wait_until property_is StatusText "generation $generation is serving"
    inside_network curl --silent --fail http://127.0.0.1:8080/ | grep -q "generation $generation"
  done
  property_is ActiveState active
  knocked
  all_have 'connections=[1-9][0-9]* refused=0 answered=[1-9][0-9]* broken=0$'
}

@test "a reload fails when the deploy does, and the old generation serves on" {
  serve
  sed -i 's|^command = .*|command = /bin/false|' "$(files /etc/tasuki/app.ini)"
  run -1 inside systemctl reload tasuki@app
  property_is ActiveState active
  wait_until status_has '^generation 1 is serving; deploy 1 failed: '
  inside_network curl --silent --fail http://127.0.0.1:8080/ | grep -q 'generation 1'
}

@test "a HUP is a reload to systemd as well, for as long as the deploy takes" {
  serve
  sed -i 's|^command = .*|command = /usr/bin/hello-server --ready-delay 2|' "$(files /etc/tasuki/app.ini)"
  send HUP
  wait_until property_is ActiveState reloading
  wait_until property_is ActiveState active
  wait_until property_is StatusText 'generation 2 is serving'
}

@test "a restart under load refuses no connection" {
  serve
  knock 8080 8080 8080 8080 /run/tasuki-app/app.sock /run/tasuki-app/app.sock
  first=$(supervisor)
  for _ in 1 2 3; do
    inside systemctl restart tasuki@app
  done
  [ "$(supervisor)" != "$first" ]
  knocked
  all_have 'connections=[1-9][0-9]* refused=0 answered=[1-9][0-9]* broken=0$'
  journal_has 'listening on 0\.0\.0\.0:8080 \(fd 3 in workers, kept open\)'
  journal_has 'listening on /run/tasuki-app/app.sock \(fd 4 in workers, kept open\)'
}

@test "a crash of the supervisor under load refuses no connection" {
  serve
  knock 8080 8080 8080 8080 /run/tasuki-app/app.sock /run/tasuki-app/app.sock
  for crash in 1 2; do
    send KILL
    wait_until property_is NRestarts "$crash"
    wait_until property_is StatusText 'generation 1 is serving'
    wait_until inside_network curl --silent --fail http://127.0.0.1:8080/
  done
  knocked
  all_have 'connections=[1-9][0-9]* refused=0 answered=[1-9][0-9]*'
  journal_has 'listening on 0\.0\.0\.0:8080 \(fd 3 in workers, kept open\)'
}

@test "a supervisor that hangs is replaced by the watchdog, and refuses no connection" {
  unit '[Service]' WatchdogSec=1s
  serve
  knock 8080
  send STOP
  wait_until property_is NRestarts 1
  wait_until property_is StatusText 'generation 1 is serving'
  knocked
  all_have 'refused=0'
}

@test "a stop ends the store, and takes the path in the runtime directory along" {
  serve
  wait_until property_is NFileDescriptorStore 3 # the two, and the marker
  inside systemctl stop tasuki@app
  wait_until property_is NFileDescriptorStore 0
  [ ! -e "$(files /run/tasuki-app)" ]
  run -7 inside_network curl --silent http://127.0.0.1:8080/
}

@test "a path elsewhere stays over a restart and is made anew after a stop" {
  service '[service]' 'command = /usr/bin/hello-server' '[listen local]' 'path = /run/elsewhere.sock'
  inside systemctl start tasuki@app
  before=$(stat --format=%i "$(files /run/elsewhere.sock)")
  inside systemctl restart tasuki@app
  [ "$(stat --format=%i "$(files /run/elsewhere.sock)")" = "$before" ]
  inside systemctl stop tasuki@app
  inside systemctl start tasuki@app
  curl --silent --fail --unix-socket "$(files /run/elsewhere.sock)" http://localhost/
}

@test "without a store, the path is gone with the supervisor" {
  unit '[Service]' FileDescriptorStoreMax=0
  service '[service]' 'command = /usr/bin/hello-server' '[listen local]' 'path = /run/elsewhere.sock'
  inside systemctl start tasuki@app
  [ -S "$(files /run/elsewhere.sock)" ]
  inside systemctl stop tasuki@app
  [ ! -e "$(files /run/elsewhere.sock)" ]
}

@test "a kept socket whose file is gone is made anew" {
  service '[service]' 'command = /usr/bin/hello-server' '[listen local]' 'path = /run/elsewhere.sock'
  inside systemctl start tasuki@app
  rm "$(files /run/elsewhere.sock)"
  inside systemctl restart tasuki@app
  curl --silent --fail --unix-socket "$(files /run/elsewhere.sock)" http://localhost/
  wait_until property_is NFileDescriptorStore 2
}

@test "a listener that a deploy takes away is no longer kept, and a new one is" {
  serve
  sed -i 's|^port = .*|port = 8081|' "$(files /etc/tasuki/app.ini)"
  inside systemctl reload tasuki@app
  wait_until property_is NFileDescriptorStore 3
  run -7 inside_network curl --silent http://127.0.0.1:8080/
  knock 8081
  send KILL
  wait_until property_is NRestarts 1
  wait_until property_is StatusText 'generation 1 is serving'
  knocked
  all_have 'refused=0'
}

@test "a listener that the file no longer has at a restart is closed" {
  serve
  sed -i -e '/^\[listen local\]/d' -e '/^path = /d' "$(files /etc/tasuki/app.ini)"
  inside systemctl restart tasuki@app
  [ ! -e "$(files /run/tasuki-app/app.sock)" ]
  wait_until property_is NFileDescriptorStore 2
  journal_has 'closing .*app.sock: it was kept open'
}

@test "the sockets of a socket unit are not stored besides" {
  printf '%s\n' '[Socket]' ListenStream=8080 Service=tasuki@app.service \
    >"$(files /run/systemd/system/app.socket)"
  inside systemctl daemon-reload
  inside systemctl start app.socket
  service '[service]' 'command = /usr/bin/hello-server' '[listen http]' 'port = 8080'
  inside systemctl start tasuki@app
  inside_network curl --silent --fail http://127.0.0.1:8080/
  wait_until property_is NFileDescriptorStore 1 # the marker
  inside systemctl restart tasuki@app
  inside_network curl --silent --fail http://127.0.0.1:8080/
  inside systemctl stop app.socket tasuki@app
  rm "$(files /run/systemd/system/app.socket)"
}

@test "behind the sandbox a worker can be another user, and knows nothing of the supervisor's systemd" {
  serve '[worker]' 'user = nobody'
  worker=$(inside_network curl --silent http://127.0.0.1:8080/ | sed -E 's/.*pid ([0-9]+).*/\1/')
  [ "$(inside stat --format=%U "/proc/$worker")" = nobody ]
  inside_network curl --silent http://127.0.0.1:8080/environ | tr '\0' '\n' >"$BATS_TEST_TMPDIR/environ"
  run ! grep -E '^(NOTIFY_SOCKET=/run/systemd|WATCHDOG_|LISTEN_FDNAMES=.*tasuki)' "$BATS_TEST_TMPDIR/environ"
}

@test "behind the sandbox a server of another user that binds for itself is adopted, and keeps its socket over a crash" {
  cat >"$(files /usr/local/bin/own-server)" <<'PERL'
use IO::Socket::INET;
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1:8080', Listen => 5, ReuseAddr => 1) or die "bind: $!";
$SIG{TERM} = sub { exit 0 };
while (my $client = $listener->accept) {
    while (defined(my $line = <$client>)) { last if $line eq "\r\n" }
    print $client "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ngeneration of my own\n";
    close $client;
}
PERL
  service '[service]' 'command = perl /usr/local/bin/own-server' '[listen http]' 'port = 127.0.0.1:8080' \
    '[worker]' 'user = nobody'
  inside systemctl start tasuki@app
  knock 8080
  inside systemctl reload tasuki@app
  send KILL
  wait_until property_is NRestarts 1
  wait_until property_is StatusText 'generation 1 is serving'
  knocked
  all_have 'refused=0 answered=[1-9]'
}

@test "a service that may do what setuid programs need says adopt = off" {
  serve '[listen]' 'adopt = off'
  worker=$(inside_network curl --silent http://127.0.0.1:8080/ | sed -E 's/.*pid ([0-9]+).*/\1/')
  inside grep -q '^NoNewPrivs:[[:space:]]*0$' "/proc/$worker/status"
}
