# What the tests of the log share. The service is that of the end-to-end tests; see there.
# shellcheck source=tests/e2e/helper.bash
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/helper.bash"

TIME='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z'
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

# use_writer LINES: see workers/writer.
use_writer() {
  WORKER=("$BATS_TEST_DIRNAME/workers/writer" "$DIR" "$1")
}

# complete FILE...: see workers/complete.
complete() {
  "$BATS_TEST_DIRNAME/workers/complete" "$DIR" "$@"
}

# noisy_check: a check that fails, and says so in more lines than wait for a stalled log.
noisy_check() {
  make_worker check <<END
#!/bin/sh
[ -e '$DIR/fail' ] || exit 0
yes | head -n 2000
exit 1
END
}
