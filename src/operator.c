#include "operator.h"

#include "control.h"
#include "control_path.h"
#include "observation.h"
#include "report_json.h"
#include "signal_name.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many deploys are remembered. */
#define HISTORY_MAX 16

enum wait_kind { WAIT_DEPLOY, WAIT_STOP, FOLLOW };

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

struct operator
{
    struct operator_setup setup;
    struct control *control;
    struct waiter *waiters;
    struct deploy_record history[HISTORY_MAX]; /* a ring, by id */
    char name[128];
    double started;
    char *last_words;
    char *output;
};

/* --- history
 * -------------------------------------------------------------------------------------- */

static struct deploy_record *find_record(struct operator* operator, uint64_t deploy)
{
    struct deploy_record *record = &operator->history[deploy % HISTORY_MAX];
    return record->id == deploy ? record : NULL;
}

static void keep_history(struct operator* operator, const struct lifecycle_action * report)
{
    struct deploy_record *record = find_record(operator, report->deploy);
    switch (report->report) {
    case REPORT_DEPLOY_STARTED:
        operator->history[report->deploy % HISTORY_MAX] =(struct deploy_record){
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

/* Newest first. */
static json_t *describe_history(const struct operator* operator)
{
    json_t *deploys = json_array();
    for (uint64_t id = operator->setup.lifecycle->last_deploy, left = HISTORY_MAX;
         id > 0 && left > 0; id--, left--) {
        const struct deploy_record *record = &operator->history[id % HISTORY_MAX];
        if (record->id != id || record->outcome == NULL) {
            continue;
        }
        json_t *entry = json_pack("{s:I, s:s, s:f, s:f, s:s, s:s?}", "id", (json_int_t)id, "cause",
                                  deploy_cause_name(record->cause), "started", record->started,
                                  "seconds", record->ended - record->started, "outcome",
                                  record->outcome, "reason", record->reason);
        json_object_set_new(entry, "generation",
                            record->generation != 0 ? json_integer((json_int_t)record->generation)
                                                    : json_null());
        json_array_append_new(deploys, entry);
    }
    return deploys;
}

/* --- who waits
 * ------------------------------------------------------------------------------------- */

static void add_waiter(struct operator* operator, uint64_t client, enum wait_kind kind,
                       uint64_t deploy)
{
    struct waiter *waiter = malloc(sizeof *waiter);
    if (waiter == NULL) {
        control_finish(operator->control, client);
        return;
    }
    *waiter = (struct waiter){
        .next = operator->waiters, .client = client, .kind = kind, .deploy = deploy};
    operator->waiters = waiter;
}

static void on_gone(void *context, uint64_t client)
{
    struct operator* operator= context;
    for (struct waiter **link = &operator->waiters; *link != NULL;) {
        struct waiter *waiter = *link;
        if (waiter->client == client) {
            *link = waiter->next;
            free(waiter);
        } else {
            link = &waiter->next;
        }
    }
}

/* The last reply to a request. */
static void answer(struct operator* operator, uint64_t client, json_t *result)
{
    control_send(operator->control, client, result);
    json_decref(result);
    control_finish(operator->control, client);
}

static void answer_ok(struct operator* operator, uint64_t client)
{
    answer(operator, client, json_pack("{s:s}", "result", "ok"));
}

static void answer_error(struct operator* operator, uint64_t client, const char *message)
{
    answer(operator, client, json_pack("{s:s, s:s}", "result", "error", "message", message));
}

/* Sends to everybody who waits or follows. A client may be dropped on the way, and its waiter with
   it, so the next one is looked up before. */
static void broadcast(struct operator* operator, json_t * object)
{
    struct waiter *next;
    for (struct waiter *waiter = operator->waiters; waiter != NULL; waiter = next) {
        next = waiter->next;
        control_send(operator->control, waiter->client, object);
    }
}

static json_t *describe_outcome(const struct operator* operator, uint64_t deploy,
                                const struct deploy_record *record)
{
    uint64_t current = operator->setup.lifecycle->current;
    if (record == NULL || record->outcome == NULL || strcmp(record->outcome, "stopped") == 0) {
        return json_pack("{s:s, s:I}", "result", "stopped", "deploy", (json_int_t)deploy);
    }
    json_t *result = json_pack("{s:s, s:I, s:f}", "result", record->outcome, "deploy",
                               (json_int_t)deploy, "seconds", record->ended - record->started);
    bool has_succeeded = record->reason == NULL;
    uint64_t generation = has_succeeded ? record->generation : current;
    json_object_set_new(result, "generation",
                        generation != 0 ? json_integer((json_int_t)generation) : json_null());
    if (!has_succeeded) {
        json_object_set_new(result, "reason", report_text(record->reason));
        json_object_set_new(result, "last_words",
                                    operator->last_words != NULL ? json_string(operator->last_words)
                                                                 : json_null());
        if (operator->output != NULL) {
            json_object_set_new(result, "output", report_text(operator->output));
        }
    }
    return result;
}

/* Answers those who wait for this deploy, each once; for every deploy if `deploy` is 0. */
static void answer_waiters(struct operator* operator, uint64_t deploy)
{
    for (struct waiter **link = &operator->waiters; *link != NULL;) {
        struct waiter *waiter = *link;
        if (waiter->kind != WAIT_DEPLOY || (deploy != 0 && waiter->deploy != deploy)) {
            link = &waiter->next;
            continue;
        }
        *link = waiter->next;
        answer(operator, waiter->client,
               describe_outcome(operator, waiter->deploy, find_record(operator, waiter->deploy)));
        free(waiter);
        link = &operator->waiters; /* the answer may have dropped a client, and changed the list */
    }
}

/* --- requests
 * -------------------------------------------------------------------------------------- */

static void request_restart(struct operator* operator, uint64_t client)
{
    if (operator->setup.lifecycle->stopping) {
        answer(operator, client, describe_outcome(operator, 0, NULL));
        return;
    }
    add_waiter(operator, client, WAIT_DEPLOY, lifecycle_next_deploy(operator->setup.lifecycle));
    operator->setup.deploy(operator->setup.context);
}

static void request_status(struct operator* operator, uint64_t client)
{
    json_t *status = operator_status(&operator->setup, operator->name, operator->started,
                                     describe_history(operator));
    json_t *reply = json_pack("{s:o}", "status", status);
    control_send(operator->control, client, reply);
    json_decref(reply);
    answer_ok(operator, client);
}

static void request_signal(struct operator* operator, uint64_t client, const char *name)
{
    struct error error;
    int signal = signal_parse(name, &error);
    if (signal < 0 || operator->setup.signal_current(operator->setup.context, signal, &error) !=
                          0) {
        answer_error(operator, client, error.text);
    } else {
        answer_ok(operator, client);
    }
}

static void request_reopen(struct operator* operator, uint64_t client)
{
    struct error error;
    if (operator->setup.reopen(operator->setup.context, &error) != 0) {
        answer_error(operator, client, error.text);
    } else {
        answer_ok(operator, client);
    }
}

static void on_request(void *context, uint64_t client, const char *line)
{
    struct operator* operator= context;
    if (strcmp(line, "restart") == 0) {
        request_restart(operator, client);
    } else if (strcmp(line, "status") == 0) {
        request_status(operator, client);
    } else if (strcmp(line, "stop") == 0) {
        add_waiter(operator, client, WAIT_STOP, 0);
        operator->setup.stop(operator->setup.context);
    } else if (strcmp(line, "reopen") == 0) {
        request_reopen(operator, client);
    } else if (strcmp(line, "events") == 0) {
        add_waiter(operator, client, FOLLOW, 0);
    } else if (strncmp(line, "signal ", 7) == 0) {
        request_signal(operator, client, line + 7);
    } else {
        answer_error(operator, client,
                     "expected restart, status, stop, reopen, signal NAME or events");
    }
}

/* --- what happens
 * ----------------------------------------------------------------------------------- */

static double seconds_since_start(const struct operator* operator, uint64_t generation)
{
    const struct attendant *attendant = operator->setup.find_attendant(operator->setup.context,
                                                                       generation);
    return attendant != NULL ? ev_time() - attendant->started : 0;
}

void operator_report(struct operator* operator, const struct lifecycle_action * report)
{
    if (operator== NULL) {
        return;
    }
    keep_history(operator, report);
    json_t *event =
        report_to_json(report, ev_time(), seconds_since_start(operator, report->generation));
    broadcast(operator, event);
    json_decref(event);
    switch (report->report) {
    case REPORT_DEPLOY_SUCCEEDED:
    case REPORT_DEPLOY_FAILED:
    case REPORT_DEPLOY_STOPPED:
        answer_waiters(operator, report->deploy);
        break;
    case REPORT_STOPPING:
    case REPORT_GAVE_UP:
        answer_waiters(operator, 0);
        break;
    default:
        break;
    }
}

static void broadcast_new(struct operator* operator, json_t * event)
{
    broadcast(operator, event);
    json_decref(event);
}

void operator_report_status(struct operator* operator, uint64_t generation, const char *text)
{
    if (operator== NULL || operator->waiters == NULL) {
        return;
    }
    const struct generation *found = lifecycle_find(operator->setup.lifecycle, generation);
    broadcast_new(operator, report_worker_status(generation, found != NULL ? found->pid : 0, text,
                                                 ev_time()));
}

bool operator_wants_draining(const struct operator* operator)
{
    if (operator== NULL) {
        return false;
    }
    for (const struct waiter *waiter = operator->waiters; waiter != NULL; waiter = waiter->next) {
        if (waiter->kind == WAIT_DEPLOY) {
            return true;
        }
    }
    return false;
}

void operator_report_draining(struct operator* operator)
{
    const struct lifecycle *lifecycle = operator->setup.lifecycle;
    __attribute__((cleanup(socket_list_free))) struct socket_list accepted = {.count = 0};
    for (size_t i = 0; i < operator->setup.listeners->count; i++) {
        observe_queue(operator->setup.listeners->items[i].fd, &accepted);
    }
    for (size_t i = 0; i < lifecycle->count; i++) {
        const struct generation *generation = &lifecycle->generations[i];
        if (generation->state == GENERATION_STOPPING) {
            broadcast_new(operator, report_draining(generation->number, generation->pid,
                                                    observe_connections(generation->pid, &accepted),
                                                    ev_time()));
        }
    }
}

static char *copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

void operator_set_last_words(struct operator* operator, const char * words, const char *output)
{
    if (operator!= NULL) {
        free(operator->last_words);
        free(operator->output);
        operator->last_words = copy(words);
        operator->output = copy(output);
    }
}

/* --- opening and closing
 * ------------------------------------------------------------------------------ */

static int find_path(struct operator* operator, char * path, size_t size, struct error *error)
{
    const struct options *options = operator->setup.options;
    if (options->name != NULL) {
        snprintf(operator->name, sizeof operator->name, "%s", options->name);
    } else {
        control_default_name(options->command[0], operator->name, sizeof operator->name);
    }
    if (options->control != NULL) {
        snprintf(path, size, "%s", options->control);
        return 0;
    }
    return control_make_directory(error) != 0 ? -1
                                              : control_path(operator->name, path, size, error);
}

struct operator* operator_open(const struct operator_setup *setup, struct error *error)
{
    struct operator* operator= calloc(1, sizeof *operator);
    if (operator== NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    operator->setup = * setup;
    operator->started = ev_time();
    const struct control_handler handler = {
        .on_request = on_request, .on_gone = on_gone, .context = operator};
    char path[PATH_MAX];
    if (find_path(operator, path, sizeof path, error) == 0) {
        operator->control = control_open(path, &handler, error);
    }
    if (operator->control == NULL) {
        free(operator);
        return NULL;
    }
    return operator;
}

int operator_fd(const struct operator* operator)
{
    return control_fd(operator->control);
}

void operator_process(struct operator* operator)
{
    control_process(operator->control);
}

void operator_close(struct operator* operator)
{
    if (operator== NULL) {
        return;
    }
    answer_waiters(operator, 0);
    while (operator->waiters != NULL) {
        struct waiter *waiter = operator->waiters;
        operator->waiters = waiter->next;
        if (waiter->kind == WAIT_STOP) {
            answer_ok(operator, waiter->client);
        }
        free(waiter);
    }
    control_close(operator->control);
    free(operator->last_words);
    free(operator->output);
    free(operator);
}
