#!/usr/bin/env bats
# Whatever somebody may give for a configuration file is refused with a reason, or works.

load helper

# refuses PATTERN...: the check fails for these reasons, and a start as well, with nothing started.
refuses() {
  run "$TASUKI" check --config web.ini
  echo "$output"
  [ "$status" -eq 2 ]
  contains "$output" "$@"
  run "$TASUKI" run --config web.ini
  [ "$status" -eq 2 ]
  contains "$output" "$@"
  [ ! -e started ]
}

@test "a file that is missing, a directory, a device, too large, binary, or not to be read" {
  refuses 'cannot open web.ini: No such file or directory'
  mkdir web.ini
  refuses 'cannot read web.ini: it is a directory'
  rmdir web.ini
  ln -s /dev/null web.ini
  refuses 'web.ini: it is a device'
  rm web.ini
  yes '# a comment' | head -c 10000000 >web.ini
  refuses 'web.ini is too large for a configuration: 10000000 bytes'
  cp "$(type -P true)" web.ini
  refuses 'web.ini:[0-9]+: expected text, got'
  : >web.ini
  refuses 'web.ini: missing command; usage: tasuki '
  if [ "$(id -u)" -ne 0 ]; then
    chmod 0 web.ini
    refuses 'cannot open web.ini: Permission denied'
  fi
}

@test "every mistake is named with its line, and the nearest word that is known" {
  web '[service]' 'command = touch started' 'comand = x' '[workers]' '[deploy]' 'ready_timeout = 5' \
    'port = 80' 'interval = 1' 'interval = 2' 'kill-mode = all' '[worker]' 'dir'
  refuses "web.ini:3: unknown key 'comand'; did you mean 'command' in \[service\]\?" \
    'web.ini:4: unknown section \[workers\]; did you mean \[worker\]\?' \
    "web.ini:6: unknown key 'ready_timeout'; did you mean 'ready-timeout' in \[deploy\]\?" \
    "web.ini:7: 'port' belongs in \[listen\], not in \[deploy\]" \
    "web.ini:9: duplicate key 'interval'; the first is on line 8" \
    "web.ini:10: kill-mode: expected process or group, got 'all'" \
    "web.ini:12: expected KEY = VALUE, got 'dir'"
  [ "$(wc -l <<<"$output")" -eq 7 ]
}

@test "values that make no sense: a quote, a user, a mode, a command without a shell" {
  web '[service]' "command = touch 'started"
  refuses "web.ini:2: command: expected a closing '"
  web '[service]' 'command = touch started && true'
  refuses "web.ini:2: command: '&' has no meaning without a shell"
  web '[service]' 'command = touch started' '[worker]' 'user = nobody-of-this-name'
  refuses 'nobody-of-this-name'
  web '[service]' 'command = touch started' '[listen a]' 'path = a.sock' 'mode = 0999'
  refuses 'web.ini:5: mode: expected an octal number'
  web '[service]' 'command = touch started' '[listen a]' 'port = 80' 'bakclog = 5'
  refuses 'web.ini:5: .*did you mean backlog'
}

@test "a line that would be cut is a mistake, and a value can go on" {
  web '[service]' "command = touch $(printf 'x%.0s' {1..200})"
  refuses 'web.ini:2: expected a line of at most 197 bytes, got 216'
  web '[service]' 'command = sh -c "touch started ; true"'
  refuses 'web.ini:2: a ; after a blank begins a comment'
  web '[service]' "command = touch $(printf 'x%.0s' {1..180})" "  $(printf 'y%.0s' {1..180})"
  "$TASUKI" check --config web.ini | grep -Eq '^command +touch x{180} y{180}$'
}

@test "other line ends and a byte order mark change nothing" {
  printf '\xef\xbb\xbf[service]\r\ncommand = touch started\r\n\r\n[deploy]\r\ninterval = 3\r\n' >web.ini
  "$TASUKI" check --config web.ini >checked
  grep -Eq '^command +touch started$' checked
  grep -Eq '^interval +3 s$' checked
}

@test "the command line overrides the file" {
  web '[service]' 'command = touch started' '[listen]' 'port = 80' 'path = x.sock' '[deploy]' 'interval = 3'
  "$TASUKI" check --config web.ini --interval 4 --port 81 -- other >checked
  grep -Eq '^command +other$' checked
  grep -Eq '^interval +4 s$' checked
  [ "$(grep -c '^listen ' checked)" -eq 1 ]
  grep -q '^listen .*port 81' checked
}

@test "the example that comes with it passes, and so does the template unit" {
  "$TASUKI" check --config "$ROOT/packaging/examples/web.ini"
  mkdir -p root/usr/bin
  sed "s#/usr/bin/tasuki#$TASUKI#" "$ROOT/packaging/systemd/tasuki@.service" >'tasuki@web.service'
  if command -v systemd-analyze >/dev/null; then
    run systemd-analyze verify --man=no ./tasuki@web.service
    # It loads the machine's other units, too, and tells of them.
    run grep 'tasuki@' <<<"$output"
    [ "$status" -eq 1 ]
  fi
}
