/*
 * The supervisor's log in the loop: the log command is kept running, lines that nobody took are
 * tried again, and a rotation is followed.
 */
#include "log.h"
#include "supervisor_internal.h"
#include "worker.h"

/* A log command that dies sooner than this waits for its next start: at first so long, then twice
   as long each time, up to the longest pause. What is written meanwhile waits in the pipe. */
#define LOG_COMMAND_YOUNG_SECONDS 1.0
#define LOG_COMMAND_FIRST_PAUSE 0.1
#define LOG_COMMAND_LONGEST_PAUSE 30.0
/* The same for lines that wait for a full pipe or disk. A full disk can only be asked again. */
#define RETRY_FIRST_PAUSE 0.05
#define RETRY_LONGEST_PAUSE 1.0

/* --- the log command ---------------------------------------------------------------------------
 */

static double grow(double pause, double first, double longest)
{
    if (pause == 0.0) {
        return first;
    }
    return pause * 2 < longest ? pause * 2 : longest;
}

static void pause_log_command(struct supervisor *supervisor)
{
    struct supervisor_log *log = &supervisor->log;
    log->command_pause_seconds =
        grow(log->command_pause_seconds, LOG_COMMAND_FIRST_PAUSE, LOG_COMMAND_LONGEST_PAUSE);
    ev_timer_set(&log->command_pause, log->command_pause_seconds, 0.0);
    ev_timer_start(supervisor->loop, &log->command_pause);
}

static void start_log_command(struct supervisor *supervisor)
{
    struct error error;
    supervisor->log.command_started = ev_now(supervisor->loop);
    if (log_file_start_command(supervisor->setup->log_file, &error) != 0) {
        log_error("%s", error.text);
        pause_log_command(supervisor);
    }
}

static void on_log_command_pause(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)watcher;
    (void)revents;
    start_log_command(ev_userdata(loop));
}

void supervisor_take_log_command_exit(struct supervisor *supervisor, int status)
{
    char ending[64];
    supervisor->setup->log_file->command_pid = 0;
    log_warning("the log command %s; it is started anew",
                worker_describe_exit(status, ending, sizeof ending));
    ev_now_update(supervisor->loop);
    if (ev_now(supervisor->loop) - supervisor->log.command_started > LOG_COMMAND_YOUNG_SECONDS) {
        supervisor->log.command_pause_seconds = 0.0;
        start_log_command(supervisor);
    } else {
        pause_log_command(supervisor);
    }
}

/* --- lines that wait ---------------------------------------------------------------------------
 */

static void arm_retry(struct supervisor *supervisor)
{
    struct supervisor_log *log = &supervisor->log;
    log->retry_seconds = grow(log->retry_seconds, RETRY_FIRST_PAUSE, RETRY_LONGEST_PAUSE);
    ev_timer_set(&log->retry, log->retry_seconds, 0.0);
    ev_timer_start(supervisor->loop, &log->retry);
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)watcher;
    (void)revents;
    struct supervisor *supervisor = ev_userdata(loop);
    log_flush();
    if (log_is_stalled()) {
        arm_retry(supervisor);
    } else {
        supervisor->log.retry_seconds = 0.0;
    }
}

/* Before the loop waits: whatever happened may have said something that nobody took. */
static void on_prepare(struct ev_loop *loop, ev_prepare *watcher, int revents)
{
    (void)watcher;
    (void)revents;
    struct supervisor *supervisor = ev_userdata(loop);
    if (log_is_stalled() && !ev_is_active(&supervisor->log.retry)) {
        arm_retry(supervisor);
    }
}

/* --- rotations ---------------------------------------------------------------------------------
 */

int supervisor_reopen_log(void *context, struct error *error)
{
    struct supervisor *supervisor = context;
    const struct log_file *log_file = supervisor->setup->log_file;
    if (log_file_reopen(supervisor->setup->log_file, error) != 0) {
        log_error("%s; the one before stays in use", error->text);
        return -1;
    }
    log_follow_stream();
    if (log_file->target == NULL) {
        log_info("asked to open the log file anew, but there is none (--log-file)");
    } else if (log_file->command != NULL) {
        log_info("asked to open the log file anew; a log command does that by itself");
    } else if (supervisor->captures == NULL) {
        log_info("log file opened anew; workers that run keep the one before until a deploy "
                 "replaces them");
    } else {
        log_info("log file opened anew");
    }
    return 0;
}

void supervisor_watch_log(struct supervisor *supervisor)
{
    struct supervisor_log *log = &supervisor->log;
    log->command_started = ev_now(supervisor->loop);
    ev_timer_init(&log->command_pause, on_log_command_pause, 0.0, 0.0);
    ev_timer_init(&log->retry, on_retry, 0.0, 0.0);
    ev_prepare_init(&log->prepare, on_prepare);
    ev_prepare_start(supervisor->loop, &log->prepare);
}
