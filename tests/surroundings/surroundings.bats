#!/usr/bin/env bats
# What a worker is given besides its sockets, as the kernel tells it.

# shellcheck disable=SC2030,SC2031,SC2034 # each test is a process of its own; the helper reads these
load helper

# --- who it is ------------------------------------------------------------------------------------

@test "a worker is the user of --user, in its group, and the supervisor stays root" {
  needs_root
  serve --user=nobody
  equal "$(told Uid)" "$(four "$NOBODY")"
  equal "$(told Gid)" "$(four "$NOGROUP")"
  equal "$(told Groups)" "$NOGROUP"
  equal "$(told CapPrm) $(told CapInh) $(told CapAmb)" "$(printf '%016d %016d %016d' 0 0 0)"
  equal "$(awk '/^Uid:/ { print $2, $3 }' "/proc/$SUPERVISOR/status")" "0 0"
  equal "$(variable USER) $(variable LOGNAME)" "nobody nobody"
  equal "$(variable HOME)" "$(getent passwd nobody | cut -d: -f6)"
  serves 1
}

@test "a server that is not root serves on a port that only root can bind" {
  needs_right 10 CAP_NET_BIND_SERVICE
  local port=1023
  while (exec 9<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port - 1)); done
  serve --port="127.0.0.1:$port" --user=nobody
  equal "$(told Uid)" "$(four "$NOBODY")"
  [[ $(body "http://127.0.0.1:$port/") == "generation 1 pid "* ]]
}

@test "a user comes with its groups, and named groups go in their place" {
  own_users
  echo 'runner:x:54321:54321::/srv/runner:/bin/sh' >>"$DIR/passwd"
  printf 'runner:x:54321:\nextra:x:54322:runner\nother:x:54323:\n' >>"$DIR/group"
  start "${IN_OWN[@]}" "$TASUKI" --status-file="$STATUS_FILE" --user=runner -- "${WORKER[@]}"
  wait_until status_is 1
  equal "$(told Uid) / $(told Gid) / $(told Groups)" "$(four 54321) / $(four 54321) / 54321 54322"
  equal "$(variable HOME) $(variable SHELL)" "/srv/runner /bin/sh"
  kill_started
  : >"$LOG"
  start "${IN_OWN[@]}" "$TASUKI" --status-file="$STATUS_FILE" --user=54321 --group=other \
    --supplementary-groups=extra,54400 -- "${WORKER[@]}"
  wait_until status_is 1
  equal "$(told Uid) / $(told Gid) / $(told Groups)" "$(four 54321) / $(four 54323) / 54322 54400"
}

@test "a number that no user has will do, with a group, and keeps nothing of root" {
  needs_root
  serve --user=54321 --group=54322
  equal "$(told Uid) / $(told Gid) / $(told Groups)" "$(four 54321) / $(four 54322) / "
  equal "$(variable USER) $(variable LOGNAME) $(variable HOME)" "(unset) (unset) (unset)"
}

@test "a group alone drops the supervisor's other groups, and an empty list all of them" {
  needs_root
  start setpriv --groups=7,8 -- "$TASUKI" --status-file="$STATUS_FILE" --group="$NOGROUP" -- \
    "${WORKER[@]}"
  wait_until status_is 1
  equal "$(told Uid) / $(told Gid) / $(told Groups)" "$(four 0) / $(four "$NOGROUP") / "
  kill_started
  : >"$LOG"
  start setpriv --groups=7,8 -- "$TASUKI" --status-file="$STATUS_FILE" --supplementary-groups= -- \
    "${WORKER[@]}"
  wait_until status_is 1
  equal "$(told Gid) / $(told Groups)" "$(four 0) / "
}

@test "capabilities that the supervisor hands down by all means do not reach the worker" {
  needs_right 8 CAP_SETPCAP
  start setpriv --inh-caps=+setuid,+kill --ambient-caps=+setuid,+kill \
    --securebits=+no_setuid_fixup -- "$TASUKI" --status-file="$STATUS_FILE" \
    --user=nobody -- "${WORKER[@]}"
  wait_until status_is 1
  equal "$(told CapPrm) $(told CapInh) $(told CapAmb)" "$(printf '%016d %016d %016d' 0 0 0)"
}

# --- what it may ----------------------------------------------------------------------------------

@test "umask, limits, nice value, OOM score and no_new_privs are as asked for" {
  serve --umask=027 --limit-nofile=512:600 --limit-core=0 --nice=7 --oom-score-adj=321 \
    --no-new-privileges
  equal "$(told Umask)" 0027
  equal "$(limit_of 'Max open files')" "512 600"
  equal "$(limit_of 'Max core file size')" "0 0"
  equal "$(ps -o ni= -p "$(pid_of 1)" | xargs)" 7
  equal "$(cat "/proc/$(pid_of 1)/oom_score_adj")" 321
  equal "$(told NoNewPrivs)" 1
  equal "$(awk '/^Umask:/ { print $2 }' "/proc/$SUPERVISOR/status")" \
    "$(awk '/^Umask:/ { print $2 }' /proc/self/status)"
  equal "$(cat "/proc/$SUPERVISOR/oom_score_adj")" "$(cat /proc/self/oom_score_adj)"
}

@test "what only root may set goes with a user that may not" {
  needs_right 23 CAP_SYS_NICE
  serve --user=nobody --nice=-5 --limit-nofile=256
  equal "$(ps -o ni= -p "$(pid_of 1)" | xargs)" -5
  equal "$(told Uid) / $(limit_of 'Max open files')" "$(four "$NOBODY") / 256 256"
}

@test "infinity is the most open files that the kernel takes" {
  needs_right 24 CAP_SYS_RESOURCE
  serve --limit-nofile=infinity
  equal "$(limit_of 'Max open files')" "$(cat /proc/sys/fs/nr_open) $(cat /proc/sys/fs/nr_open)"
}

@test "a worker gets the signal of --parent-death-signal when the supervisor is killed" {
  local user=()
  [ "$(id -u)" -ne 0 ] || user=(--user=nobody)
  make_worker worker <<END
#!/bin/sh
trap 'echo USR2 >"$DIR/open/signal"; exit' USR2
while :; do sleep 0.05; done
END
  WORKER=("$DIR/worker")
  serve --parent-death-signal=USR2 "${user[@]}"
  kill -KILL "$SUPERVISOR"
  wait_until test -s "$DIR/open/signal"
}

# --- what it finds --------------------------------------------------------------------------------

@test "the environment is the supervisor's, then --environment, then the envdir, then ours" {
  mkdir "$DIR/env"
  echo envdir >"$DIR/env/C"
  A=own B=own C=own D=own serve --environment B=option --environment C=option \
    --environment=E=a=b --environment=F= --environment=SERVER_STARTER_GENERATION=9 \
    --envdir="$DIR/env"
  equal "$(variable A) $(variable B) $(variable C) $(variable D)" "own option envdir own"
  equal "$(variable E) $(variable F) $(variable SERVER_STARTER_GENERATION)" "a=b (unset) 1"
}

@test "--clear-environment leaves PATH, what is given, and what is ours" {
  A=own KILL_OLD_DELAY=3 serve --clear-environment --environment=B=b --ready=delay \
    --inherit=server-starter
  equal "$(tr '\0' '\n' <"/proc/$(pid_of 1)/environ" | cut -d= -f1 | sort | xargs)" \
    "B KILL_OLD_DELAY PATH SERVER_STARTER_GENERATION SERVER_STARTER_PORT"
  equal "$(variable PATH)" /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
}

@test "standard input is what --stdin says" {
  echo words >"$DIR/input"
  start_on() {
    # shellcheck disable=SC2094 # nobody writes there
    "$TASUKI" --status-file="$STATUS_FILE" "$@" -- "${WORKER[@]}" <"$DIR/input" \
      >>"$LOG" 2>&1 3>&- &
    STARTED+=("$!")
    wait_until status_is 1
    readlink "/proc/$(pid_of 1)/fd/0"
    kill_started
    : >"$LOG"
  }
  equal "$(start_on)" "$DIR/input"
  equal "$(start_on --stdin=inherit)" "$DIR/input"
  equal "$(start_on --stdin=null)" /dev/null
  equal "$(start_on --stdin="$DIR/hello-server")" "$DIR/hello-server"
}

# --- with everything else -------------------------------------------------------------------------

@test "check and probe run as the worker does, --on-event as the supervisor" {
  needs_root
  serve --user=nobody --umask=077 --environment=FOR=workers --clear-environment \
    --check "echo \"\$(id -u) \$(umask) \$FOR \$USER\" >$DIR/open/check" \
    --ready "exec:echo \"\$(id -u) \$(umask) \$FOR \$USER\" >$DIR/open/probe" \
    --on-event "id -u >$DIR/event"
  equal "$(cat "$DIR/open/check")" "$NOBODY 0077 workers nobody"
  equal "$(cat "$DIR/open/probe")" "$NOBODY 0077 workers nobody"
  wait_until file_has "$DIR/event" '^0$'
}

@test "a worker of another user says that it is ready, and deploys go on" {
  needs_root
  serve --user=nobody --ready=notify
  attempt "${RESTART[@]}"
  equal "$STATUS_CODE" 0
  wait_serving 2
  equal "$(told Uid 2)" "$(four "$NOBODY")"
  log_has 'generation 1: worker [0-9]+ exited with status 0'
}

@test "a captured worker of another user can open /dev/stderr anew" {
  needs_root
  make_worker worker <<END
#!/bin/sh
echo 'opened anew' >/dev/stderr
exec sleep 1000
END
  WORKER=("$DIR/worker")
  serve --user=nobody --capture=on
  wait_until log_has '^opened anew$'
}

@test "what a worker of another user writes is in the log file" {
  needs_root
  make_worker worker <<END
#!/bin/sh
echo 'written by the worker'
exec sleep 1000
END
  WORKER=("$DIR/worker")
  LOG=$DIR/service.log
  serve --user=nobody --log-file="$DIR/service.log"
  wait_until file_has "$DIR/service.log" '^written by the worker$'
  equal "$(stat -c %u "$DIR/service.log")" 0
}

@test "a configuration file has the same keys, and the command line goes before it" {
  cat >"$DIR/app.ini" <<END
[service]
command = $DIR/hello-server
status-file = $STATUS_FILE
control = off
[worker]
umask = 077
stdin = null
no-new-privileges = yes
environment = A=file
environment = B=file
END
  start "$TASUKI" run --config "$DIR/app.ini" --umask=027 --environment=B=line
  wait_until status_is 1
  equal "$(told Umask) $(told NoNewPrivs)" "0027 1"
  equal "$(variable A) $(variable B)" "file line"
  equal "$(readlink "/proc/$(pid_of 1)/fd/0")" /dev/null
}
