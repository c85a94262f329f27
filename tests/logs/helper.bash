# What the tests of the log share. The service is that of the end-to-end tests; see there.
# shellcheck source=tests/e2e/helper.bash
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/helper.bash"

unset JOURNAL_STREAM NO_COLOR
TIME='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}[+-][0-9]{2}:[0-9]{2}'
export TIME

# use_worker NAME <<BODY: a worker of the test's own.
use_worker() {
  make_worker "$1"
  WORKER=("$DIR/$1")
}

# use_quiet_worker: one that writes nothing, so that each line of the log is the supervisor's.
use_quiet_worker() {
  use_worker quiet <<END
#!/bin/sh
exec '$HELLO' >/dev/null 2>&1
END
}

# ctl COMMAND [ARG...]: a command for the supervisor of this test.
ctl() {
  "$TASUKI" "$@" --control="$DIR/control"
}

# numbers_of FILE...: the numbers of the lines "line N of the worker", in the order of the files.
numbers_of() {
  cat "$@" | sed -n 's/^line \([0-9]*\) of the worker$/\1/p'
}
