#include "console.h"

#include "control.h"
#include "control_path.h"
#include "control_socket.h"
#include "json_field.h"
#include "log.h"
#include "report.h"
#include "signal_name.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often those who wait for a deploy are told how the older generations get on. */
#define DRAINING_SECONDS 1.0
/* How many deploys are remembered. */
#define HISTORY_MAX 16

enum wait_kind { WAIT_DEPLOY, WAIT_STOP, WAIT_STATUS, FOLLOW };

struct waiter {
    struct waiter *next;
    uint64_t client;
    enum wait_kind kind;
    uint64_t deploy; /* WAIT_DEPLOY */
};

struct deploy_record {
    uint64_t id;
    enum deploy_cause cause;
    double started;
    double ended;        /* 0: under way */
    const char *outcome; /* NULL: under way */
    const char *reason;  /* NULL: none */
    uint64_t generation; /* 0: none */
};

struct console {
    struct console_setup setup;
    struct control *control;
    ev_io readable;
    ev_timer draining; /* until those who wait for a deploy are told again how it goes on */
    struct waiter *waiters;
    struct deploy_record history[HISTORY_MAX]; /* a ring, by id */
    char name[128];
    double started;
    struct measurement measurement;
    bool reports_draining; /* when it has ended */
    char *last_words;
    char *output;
};

/* --- history ---------------------------------------------------------------------------------- */

static struct deploy_record *find_record(struct console *console, uint64_t deploy)
{
    struct deploy_record *record = &console->history[deploy % HISTORY_MAX];
    return record->id == deploy ? record : NULL;
}

static void keep_history(struct console *console, const struct lifecycle_action *report)
{
    struct deploy_record *record = find_record(console, report->deploy);
    switch (report->report) {
    case REPORT_DEPLOY_STARTED:
        console->history[report->deploy % HISTORY_MAX] = (struct deploy_record){
            .id = report->deploy, .cause = report->cause, .started = ev_time()};
        return;
    case REPORT_DEPLOY_SUCCEEDED:
    case REPORT_DEPLOY_FAILED:
    case REPORT_DEPLOY_STOPPED:
        break;
    default:
        return;
    }
    if (record != NULL) {
        record->ended = ev_time();
        record->generation = report->generation;
        record->outcome = report->report == REPORT_DEPLOY_SUCCEEDED ? "succeeded"
                          : report->report == REPORT_DEPLOY_FAILED  ? "failed"
                                                                    : "stopped";
        if (report->report == REPORT_DEPLOY_FAILED) {
            record->reason = deploy_failure_text(report->reason);
        }
    }
}

static void set_generation(json_t *object, uint64_t generation)
{
    field_set_known(object, "generation", generation != 0 ? (int64_t)generation : -1);
}

/* Newest first. */
static void describe_history(json_t *deploys, const struct console *console)
{
    for (uint64_t id = console->setup.lifecycle->last_deploy, left = HISTORY_MAX;
         id > 0 && left > 0; id--, left--) {
        const struct deploy_record *record = &console->history[id % HISTORY_MAX];
        if (record->id != id || record->outcome == NULL) {
            continue;
        }
        json_t *deploy = field_add_object(deploys, NULL);
        field_set_number(deploy, "id", (int64_t)id);
        field_set_text(deploy, "cause", deploy_cause_name(record->cause));
        field_set_seconds(deploy, "started", record->started);
        field_set_seconds(deploy, "seconds", record->ended - record->started);
        field_set_text(deploy, "outcome", record->outcome);
        field_set_text(deploy, "reason", record->reason);
        set_generation(deploy, record->generation);
    }
}

/* The deploy under way, or null. */
static void describe_deploy(json_t *status, const struct console *console)
{
    const struct lifecycle *lifecycle = console->setup.lifecycle;
    const struct deploy_record *record = &console->history[lifecycle->deploy.number % HISTORY_MAX];
    if (lifecycle->deploy.number == 0 || record->id != lifecycle->deploy.number) {
        field_set_text(status, "deploy", NULL);
        return;
    }
    json_t *deploy = field_add_object(status, "deploy");
    field_set_number(deploy, "id", (int64_t)record->id);
    field_set_text(deploy, "cause", deploy_cause_name(record->cause));
    field_set_seconds(deploy, "seconds", ev_time() - record->started);
    field_set_number(deploy, "attempt", lifecycle->deploy.attempt);
}

/* --- who waits -------------------------------------------------------------------------------- */

static void add_waiter(struct console *console, uint64_t client, enum wait_kind kind,
                       uint64_t deploy)
{
    struct waiter *waiter = malloc(sizeof *waiter);
    if (waiter == NULL) {
        control_finish(console->control, client);
        return;
    }
    *waiter =
        (struct waiter){.next = console->waiters, .client = client, .kind = kind, .deploy = deploy};
    console->waiters = waiter;
}

static void on_gone(void *context, uint64_t client)
{
    struct console *console = context;
    for (struct waiter **link = &console->waiters; *link != NULL;) {
        struct waiter *waiter = *link;
        if (waiter->client == client) {
            *link = waiter->next;
            free(waiter);
        } else {
            link = &waiter->next;
        }
    }
}

/* Takes the reply over. */
static void reply(struct console *console, uint64_t client, json_t *object)
{
    char *line = json_line(object);
    control_send(console->control, client, line);
    free(line);
    json_decref(object);
}

/* The last reply to a request. */
static void answer(struct console *console, uint64_t client, json_t *result)
{
    reply(console, client, result);
    control_finish(console->control, client);
}

static void answer_ok(struct console *console, uint64_t client)
{
    control_send(console->control, client, "{\"result\":\"ok\"}");
    control_finish(console->control, client);
}

static void answer_error(struct console *console, uint64_t client, const char *message)
{
    json_t *result = json_object();
    field_set_text(result, "result", "error");
    field_set_text(result, "message", message);
    answer(console, client, result);
}

/* Sends to everybody who waits for an end, or follows. A client may be dropped on the way, and its
   waiter with it, so the next one is looked up before. */
static void broadcast(struct console *console, const struct report *report)
{
    struct waiter *next;
    json_t *event = report_to_json(report, ev_time());
    char *line = json_line(event);
    for (struct waiter *waiter = console->waiters; waiter != NULL; waiter = next) {
        next = waiter->next;
        if (waiter->kind != WAIT_STATUS) {
            control_send(console->control, waiter->client, line);
        }
    }
    free(line);
    json_decref(event);
}

static void describe_failure(json_t *result, const struct console *console,
                             const struct deploy_record *record)
{
    field_set_text(result, "reason", record->reason);
    field_set_text(result, "last_words", console->last_words);
    if (console->output != NULL) {
        field_set_text(result, "output", console->output);
    }
}

/* Without a record, or with one that says so, the deploy was superseded by a stop. */
static void answer_outcome(struct console *console, uint64_t client, uint64_t deploy,
                           const struct deploy_record *record)
{
    json_t *result = json_object();
    bool has_ended =
        record != NULL && record->outcome != NULL && strcmp(record->outcome, "stopped") != 0;
    field_set_text(result, "result", has_ended ? record->outcome : "stopped");
    field_set_number(result, "deploy", (int64_t)deploy);
    if (has_ended) {
        bool has_succeeded = record->reason == NULL;
        field_set_seconds(result, "seconds", record->ended - record->started);
        set_generation(result, has_succeeded ? record->generation
                                             : lifecycle_current(console->setup.lifecycle));
        if (!has_succeeded) {
            describe_failure(result, console, record);
        }
    }
    answer(console, client, result);
}

/* Answers those who wait for this deploy, each once; for every deploy if `deploy` is 0. */
static void answer_waiters(struct console *console, uint64_t deploy)
{
    for (struct waiter **link = &console->waiters; *link != NULL;) {
        struct waiter *waiter = *link;
        if (waiter->kind != WAIT_DEPLOY || (deploy != 0 && waiter->deploy != deploy)) {
            link = &waiter->next;
            continue;
        }
        *link = waiter->next;
        answer_outcome(console, waiter->client, waiter->deploy,
                       find_record(console, waiter->deploy));
        free(waiter);
        link = &console->waiters; /* the answer may have dropped a client, and changed the list */
    }
}

/* --- requests --------------------------------------------------------------------------------- */

static void request_restart(struct console *console, uint64_t client)
{
    /* A death that is not yet known would change which deploy this request is part of. */
    console->setup.reap(console->setup.context);
    if (lifecycle_is_stopping(console->setup.lifecycle)) {
        answer_outcome(console, client, 0, NULL);
        return;
    }
    add_waiter(console, client, WAIT_DEPLOY, lifecycle_next_deploy(console->setup.lifecycle));
    log_info("deploy requested");
    console->setup.deploy(console->setup.context);
}

/* The answer comes when the figures are there. */
static void request_status(struct console *console, uint64_t client)
{
    add_waiter(console, client, WAIT_STATUS, 0);
    measurement_begin(&console->measurement, &(*console->setup.release)->listeners,
                      console->setup.lifecycle);
}

static void answer_status(struct console *console, uint64_t client, const struct figures *figures)
{
    json_t *object = json_object();
    json_t *status = field_add_object(object, "status");
    console_add_status(status, &console->setup, figures, console->name, console->started);
    describe_deploy(status, console);
    describe_history(field_add_array(status, "deploys"), console);
    reply(console, client, object);
    answer_ok(console, client);
}

static void report_draining_generations(struct console *console, const struct figures *figures)
{
    const struct lifecycle *lifecycle = console->setup.lifecycle;
    for (size_t i = 0; i < lifecycle->count; i++) {
        const struct generation *generation = &lifecycle->generations[i];
        if (generation->state == GENERATION_STOPPING) {
            const struct report report =
                report_draining(generation->number, generation_pid(generation),
                                figures_of_generation(figures, generation->number).connections);
            broadcast(console, &report);
        }
    }
}

static void on_figures(void *context, const struct figures *figures)
{
    struct console *console = context;
    for (struct waiter **link = &console->waiters; *link != NULL;) {
        struct waiter *waiter = *link;
        if (waiter->kind != WAIT_STATUS) {
            link = &waiter->next;
            continue;
        }
        *link = waiter->next;
        answer_status(console, waiter->client, figures);
        free(waiter);
        link = &console->waiters; /* the answer may have dropped a client, and changed the list */
    }
    if (console->reports_draining) {
        console->reports_draining = false;
        report_draining_generations(console, figures);
    }
}

static void request_signal(struct console *console, uint64_t client, const char *name)
{
    struct error error;
    int signal = signal_parse(name, &error);
    if (signal < 0 || console->setup.signal_current(console->setup.context, signal, &error) != 0) {
        answer_error(console, client, error.text);
    } else {
        answer_ok(console, client);
    }
}

static void request_reopen(struct console *console, uint64_t client)
{
    struct error error;
    if (console->setup.reopen(console->setup.context, &error) != 0) {
        answer_error(console, client, error.text);
    } else {
        answer_ok(console, client);
    }
}

static void on_request(void *context, uint64_t client, const char *line)
{
    struct console *console = context;
    if (strcmp(line, "restart") == 0) {
        request_restart(console, client);
    } else if (strcmp(line, "status") == 0) {
        request_status(console, client);
    } else if (strcmp(line, "stop") == 0) {
        add_waiter(console, client, WAIT_STOP, 0);
        log_info("stop requested");
        console->setup.stop(console->setup.context, SIGTERM);
    } else if (strcmp(line, "reopen") == 0) {
        request_reopen(console, client);
    } else if (strcmp(line, "events") == 0) {
        add_waiter(console, client, FOLLOW, 0);
    } else if (strncmp(line, "signal ", 7) == 0) {
        request_signal(console, client, line + 7);
    } else {
        answer_error(console, client,
                     "expected restart, status, stop, reopen, signal NAME or events");
    }
}

/* --- what happens ----------------------------------------------------------------------------- */

void console_on_report(void *context, const struct lifecycle_action *action)
{
    struct console *console = context;
    if (console == NULL) {
        return;
    }
    keep_history(console, action);
    if (console->waiters != NULL) {
        const struct report report = report_of(action);
        broadcast(console, &report);
    }
    switch (action->report) {
    case REPORT_DEPLOY_SUCCEEDED:
    case REPORT_DEPLOY_FAILED:
    case REPORT_DEPLOY_STOPPED:
        answer_waiters(console, action->deploy);
        break;
    case REPORT_STOPPING:
    case REPORT_ENDING:
    case REPORT_GAVE_UP:
        answer_waiters(console, 0);
        break;
    default:
        break;
    }
}

void console_report_status(struct console *console, uint64_t generation, const char *text)
{
    if (console == NULL || console->waiters == NULL) {
        return;
    }
    const struct generation *found = lifecycle_find(console->setup.lifecycle, generation);
    const struct report report =
        report_worker_status(generation, found != NULL ? generation_pid(found) : 0, text);
    broadcast(console, &report);
}

static bool is_deploy_awaited(const struct console *console)
{
    for (const struct waiter *waiter = console->waiters; waiter != NULL; waiter = waiter->next) {
        if (waiter->kind == WAIT_DEPLOY) {
            return true;
        }
    }
    return false;
}

static void measure_draining(struct console *console)
{
    console->reports_draining = true;
    measurement_begin(&console->measurement, &(*console->setup.release)->listeners,
                      console->setup.lifecycle);
}

static void arm_draining(struct console *console)
{
    if (is_deploy_awaited(console) && !ev_is_active(&console->draining)) {
        ev_timer_set(&console->draining, DRAINING_SECONDS, 0.0);
        ev_timer_start(console->setup.loop, &console->draining);
    }
}

static void on_draining(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)loop;
    (void)revents;
    struct console *console = watcher->data;
    if (is_deploy_awaited(console)) {
        measure_draining(console);
    }
    arm_draining(console);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents)
{
    (void)loop;
    (void)revents;
    struct console *console = watcher->data;
    control_process(console->control);
    arm_draining(console);
}

static char *copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

void console_set_last_words(struct console *console, const char *words, const char *output)
{
    if (console != NULL) {
        free(console->last_words);
        free(console->output);
        console->last_words = copy(words);
        console->output = copy(output);
    }
}

/* --- opening and closing ---------------------------------------------------------------------- */

static int find_path(struct console *console, char *path, size_t size, struct error *error)
{
    const struct options *options = console->setup.options;
    if (options->name != NULL) {
        snprintf(console->name, sizeof console->name, "%s", options->name);
    } else {
        control_default_name(options->command[0], console->name, sizeof console->name);
    }
    if (options->control != NULL) {
        snprintf(path, size, "%s", options->control);
        return 0;
    }
    return control_make_directory(error) != 0 ? -1 : control_path(console->name, path, size, error);
}

struct console *console_open(const struct console_setup *setup, struct error *error)
{
    struct console *console = calloc(1, sizeof *console);
    if (console == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    console->setup = *setup;
    console->started = ev_time();
    measurement_init(&console->measurement, setup->loop, on_figures, console);
    const struct control_handler handler = {
        .on_request = on_request, .on_gone = on_gone, .context = console};
    char path[PATH_MAX];
    if (find_path(console, path, sizeof path, error) == 0) {
        console->control = control_open(path, &handler, error);
    }
    if (console->control == NULL) {
        free(console);
        return NULL;
    }
    ev_timer_init(&console->draining, on_draining, 0.0, 0.0);
    ev_io_init(&console->readable, on_readable, control_fd(console->control), EV_READ);
    console->draining.data = console;
    console->readable.data = console;
    ev_io_start(setup->loop, &console->readable);
    return console;
}

void console_close(struct console *console)
{
    if (console == NULL) {
        return;
    }
    answer_waiters(console, 0);
    measurement_cancel(&console->measurement);
    on_figures(console, NULL);
    while (console->waiters != NULL) {
        struct waiter *waiter = console->waiters;
        console->waiters = waiter->next;
        if (waiter->kind == WAIT_STOP) {
            answer_ok(console, waiter->client);
        }
        free(waiter);
    }
    ev_io_stop(console->setup.loop, &console->readable);
    ev_timer_stop(console->setup.loop, &console->draining);
    control_close(console->control);
    free(console->last_words);
    free(console->output);
    free(console);
}
