#include "log_keeper.h"

#include "log.h"
#include "worker.h"

/* A log command that dies sooner than this waits for its next start: at first so long, then twice
   as long each time, up to the longest pause. What is written meanwhile waits in the pipe. */
#define COMMAND_YOUNG_SECONDS 1.0
#define COMMAND_FIRST_PAUSE 0.1
#define COMMAND_LONGEST_PAUSE 30.0
/* The same for lines that wait for a full pipe or disk. A full disk can only be asked again. */
#define RETRY_FIRST_PAUSE 0.05
#define RETRY_LONGEST_PAUSE 1.0

static double grow(double pause, double first, double longest)
{
    if (pause == 0.0) {
        return first;
    }
    return pause * 2 < longest ? pause * 2 : longest;
}

/* --- the log command ---------------------------------------------------------------------------
 */

static void pause_command(struct log_keeper *keeper)
{
    keeper->command_pause_seconds =
        grow(keeper->command_pause_seconds, COMMAND_FIRST_PAUSE, COMMAND_LONGEST_PAUSE);
    ev_timer_set(&keeper->command_pause, keeper->command_pause_seconds, 0.0);
    ev_timer_start(keeper->loop, &keeper->command_pause);
}

static void start_command(struct log_keeper *keeper)
{
    struct error error;
    keeper->command_started = ev_now(keeper->loop);
    if (log_file_start_command(keeper->log_file, &error) != 0) {
        log_error("%s", error.text);
        pause_command(keeper);
    }
}

static void on_command_pause(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)loop;
    (void)revents;
    start_command(watcher->data);
}

bool log_keeper_reap(struct log_keeper *keeper, pid_t pid, int status)
{
    char ending[64];
    if (pid != keeper->log_file->command_pid) {
        return false;
    }
    keeper->log_file->command_pid = 0;
    log_warning("the log command %s; restarting it",
                worker_describe_exit(status, ending, sizeof ending));
    ev_now_update(keeper->loop);
    if (ev_now(keeper->loop) - keeper->command_started > COMMAND_YOUNG_SECONDS) {
        keeper->command_pause_seconds = 0.0;
        start_command(keeper);
    } else {
        pause_command(keeper);
    }
    return true;
}

/* --- lines that wait ---------------------------------------------------------------------------
 */

static void arm_retry(struct log_keeper *keeper)
{
    keeper->retry_seconds = grow(keeper->retry_seconds, RETRY_FIRST_PAUSE, RETRY_LONGEST_PAUSE);
    ev_timer_set(&keeper->retry, keeper->retry_seconds, 0.0);
    ev_timer_start(keeper->loop, &keeper->retry);
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)loop;
    (void)revents;
    struct log_keeper *keeper = watcher->data;
    log_flush();
    if (log_is_stalled()) {
        arm_retry(keeper);
    } else {
        keeper->retry_seconds = 0.0;
    }
}

/* Before the loop waits: whatever happened may have said something that nobody took. */
static void before_wait(struct ev_loop *loop, ev_prepare *watcher, int revents)
{
    (void)loop;
    (void)revents;
    struct log_keeper *keeper = watcher->data;
    if (log_is_stalled() && !ev_is_active(&keeper->retry)) {
        arm_retry(keeper);
    }
}

/* --- rotations ---------------------------------------------------------------------------------
 */

int log_keeper_reopen(const struct log_keeper *keeper, struct error *error)
{
    const struct log_file *log_file = keeper->log_file;
    if (log_file_reopen(keeper->log_file, error) != 0) {
        log_error("%s; still writing to the old file", error->text);
        return -1;
    }
    log_follow_stream();
    if (log_file->target == NULL) {
        log_info("nothing to reopen: --log-file is not set");
    } else if (log_file->command != NULL) {
        log_info("nothing to reopen: the log command opens its own files");
    } else if (keeper->captures == NULL) {
        log_info("log file reopened; running workers write to the old file until the next deploy");
    } else {
        log_info("log file reopened");
    }
    return 0;
}

void log_keeper_init(struct log_keeper *keeper, struct ev_loop *loop, struct log_file *log_file)
{
    *keeper =
        (struct log_keeper){.loop = loop, .log_file = log_file, .command_started = ev_now(loop)};
    ev_timer_init(&keeper->command_pause, on_command_pause, 0.0, 0.0);
    ev_timer_init(&keeper->retry, on_retry, 0.0, 0.0);
    ev_prepare_init(&keeper->before_wait, before_wait);
    keeper->command_pause.data = keeper;
    keeper->retry.data = keeper;
    keeper->before_wait.data = keeper;
    ev_prepare_start(loop, &keeper->before_wait);
}

void log_keeper_close(struct log_keeper *keeper)
{
    while (keeper->captures != NULL) {
        capture_drain(keeper->captures);
        capture_free(keeper->captures);
    }
    ev_timer_stop(keeper->loop, &keeper->command_pause);
    ev_timer_stop(keeper->loop, &keeper->retry);
    ev_prepare_stop(keeper->loop, &keeper->before_wait);
}
