#include "report.h"

#include "builder.h"
#include "duration.h"
#include "json_field.h"
#include "signal_name.h"

#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

/* --- the table ---------------------------------------------------------------------------------
 */

enum {
    DEPLOY = 1 << 0,
    CAUSE = 1 << 1, /* and the path, where that is the cause */
    REASON = 1 << 2,
    GENERATION = 1 << 3,
    PID = 1 << 4,
    ENDING = 1 << 5, /* exit_status or signal */
    SIGNAL = 1 << 6,
    SECONDS = 1 << 7,
    CONNECTIONS = 1 << 8,
    TEXT = 1 << 9,
    WORKER = GENERATION | PID,
};

enum { SILENT, HOOKED };

/* In a sentence {KEY} stands for a field, and {ending}, {unexpectedly} and {when} for what it says
   together with others. */
#define KIND(id, fields, level, hooked, sentence)                                                  \
    {                                                                                              \
        sentence, REPORT_##id, fields, LOG_LEVEL_##level, false, hooked                            \
    }
#define OUTCOME(id, fields, level, sentence)                                                       \
    {                                                                                              \
        sentence, REPORT_##id, fields, LOG_LEVEL_##level, true, HOOKED                             \
    }
/* clang-format off */
static const struct report_kind kinds[] = {
    KIND(DEPLOY_STARTED, DEPLOY | CAUSE, INFO, HOOKED,
         "deploy {deploy} started{cause}"),
    KIND(DEPLOY_QUEUED, DEPLOY, INFO, SILENT,
         "deploy {deploy} is queued"),
    KIND(CHECK_STARTED, DEPLOY, INFO, SILENT,
         "running the check"),
    KIND(SPAWNED, WORKER, INFO, SILENT,
         "generation {generation}: worker {pid} started"),
    KIND(WORKER_STATUS, WORKER | TEXT, INFO, SILENT,
         "generation {generation}: worker {pid} says: {text}"),
    KIND(READY, WORKER | SECONDS, INFO, HOOKED,
         "generation {generation}: worker {pid} is ready after {seconds}"),
    KIND(START_FAILED, WORKER | ENDING, WARNING, HOOKED,
         "generation {generation}: worker {pid} {ending} before it was ready"),
    KIND(NOT_READY, WORKER, ERROR, HOOKED,
         "generation {generation}: worker {pid} was not ready in time"),
    KIND(RETIRING, GENERATION | SECONDS, INFO, SILENT,
         "generation {generation} is serving; signalling older workers {when}"),
    KIND(ROLLED_BACK, WORKER, WARNING, HOOKED,
         "generation {generation}: worker {pid} is current again: its successor failed"),
    KIND(SIGNALLED, WORKER | SIGNAL, INFO, SILENT,
         "generation {generation}: sent {signal} to worker {pid}"),
    KIND(DRAINING, WORKER | CONNECTIONS, INFO, SILENT,
         "generation {generation}: worker {pid} has {connections} left"),
    KIND(LEFT, WORKER | ENDING, INFO, HOOKED,
         "generation {generation}: worker {pid} {ending}"),
    KIND(CRASHED, WORKER | ENDING, WARNING, HOOKED,
         "generation {generation}: worker {pid} {unexpectedly}"),
    KIND(HUNG, WORKER, ERROR, HOOKED,
         "generation {generation}: worker {pid} sent no WATCHDOG=1 within --watchdog; replacing it"),
    KIND(PAUSED, SECONDS, INFO, SILENT,
         "restarting in {seconds}"),
    OUTCOME(DEPLOY_SUCCEEDED, DEPLOY | GENERATION, INFO,
         "deploy {deploy} succeeded: only generation {generation} is running"),
    OUTCOME(DEPLOY_FAILED, DEPLOY | REASON, ERROR,
         "deploy {deploy} failed: {reason}"),
    OUTCOME(DEPLOY_STOPPED, DEPLOY, WARNING,
         "deploy {deploy} cancelled: the service is stopping"),
    KIND(GAVE_UP, 0, ERROR, HOOKED,
         "giving up: the worker died too often (--start-limit)"),
    KIND(ENDING, ENDING, INFO, HOOKED,
         "the worker {ending}; stopping (--exit-with-worker)"),
    KIND(STOPPING, 0, INFO, HOOKED,
         "stopping"),
    KIND(STOP_OVERDUE, 0, WARNING, HOOKED,
         "killing workers still running after --stop-timeout"),
};
/* clang-format on */

#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

const struct report_kind *report_kind_at(size_t place)
{
    return place < KIND_COUNT ? &kinds[place] : NULL;
}

static const struct report_kind *find_id(int id)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (kinds[i].id == id) {
            return &kinds[i];
        }
    }
    return NULL;
}

const char *report_name(const struct report_kind *kind)
{
    return kind->id == REPORT_WORKER_STATUS ? "worker-status"
           : kind->id == REPORT_DRAINING    ? "draining"
                                         : lifecycle_report_name((enum lifecycle_report)kind->id);
}

static const struct report_kind *find_name(const char *name)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(report_name(&kinds[i]), name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* --- its fields --------------------------------------------------------------------------------
 */

enum field_type {
    TYPE_NUMBER,
    TYPE_STATUS, /* a number, or nothing where it is negative */
    TYPE_KNOWN,  /* a number, or null */
    TYPE_SECONDS,
    TYPE_TRUE, /* true, or nothing where the number is 0 */
    TYPE_TEXT, /* or nothing where it is NULL */
};

/* In the order in which an event has them. */
static const struct field {
    const char *key;
    const char *variable; /* of --on-event; NULL: none */
    unsigned of;          /* part of the reports with one of these */
    enum field_type type;
    size_t offset;
} fields[] = {
    {"deploy", "TASUKI_DEPLOY", DEPLOY, TYPE_NUMBER, offsetof(struct report, deploy)},
    {"cause", "TASUKI_CAUSE", CAUSE, TYPE_TEXT, offsetof(struct report, cause)},
    {"path", "TASUKI_PATH", CAUSE, TYPE_TEXT, offsetof(struct report, path)},
    {"reason", "TASUKI_REASON", REASON, TYPE_TEXT, offsetof(struct report, reason)},
    {"generation", "TASUKI_GENERATION", GENERATION, TYPE_NUMBER,
     offsetof(struct report, generation)},
    {"pid", "TASUKI_PID", PID, TYPE_NUMBER, offsetof(struct report, pid)},
    {"exit_status", "TASUKI_STATUS", ENDING, TYPE_STATUS, offsetof(struct report, exit_status)},
    {"signal", "TASUKI_SIGNAL", ENDING | SIGNAL, TYPE_TEXT, offsetof(struct report, signal)},
    {"core_dumped", NULL, ENDING, TYPE_TRUE, offsetof(struct report, core_dumped)},
    {"seconds", NULL, SECONDS, TYPE_SECONDS, offsetof(struct report, seconds)},
    {"connections", NULL, CONNECTIONS, TYPE_KNOWN, offsetof(struct report, connections)},
    {"text", NULL, TEXT, TYPE_TEXT, offsetof(struct report, text)},
};

#define FIELD_COUNT (sizeof fields / sizeof fields[0])

static int64_t *number_in(struct report *report, const struct field *field)
{
    return (int64_t *)(void *)((char *)report + field->offset);
}

static int64_t number_of(const struct report *report, const struct field *field)
{
    return *(const int64_t *)(const void *)((const char *)report + field->offset);
}

static const char **text_in(struct report *report, const struct field *field)
{
    return (const char **)(void *)((char *)report + field->offset);
}

static const char *text_of(const struct report *report, const struct field *field)
{
    return *(const char *const *)(const void *)((const char *)report + field->offset);
}

static bool has(const struct report *report, const struct field *field)
{
    return report->kind != NULL && (report->kind->fields & field->of) != 0 &&
           (field->type != TYPE_TEXT || text_of(report, field) != NULL) &&
           (field->type != TYPE_TRUE || number_of(report, field) != 0) &&
           (field->type != TYPE_STATUS || number_of(report, field) >= 0);
}

const char *report_kind_fields(const struct report_kind *kind, char *buffer, size_t size)
{
    struct builder builder = builder_in(buffer, size);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if ((kind->fields & fields[i].of) != 0) {
            builder_add(&builder, "%s%s", builder.length > 0 ? ", " : "", fields[i].key);
        }
    }
    return buffer;
}

/* --- making one --------------------------------------------------------------------------------
 */

static struct report empty_report(const struct report_kind *kind)
{
    return (struct report){.kind = kind, .exit_status = -1, .connections = -1};
}

struct report report_of(const struct lifecycle_action *action)
{
    struct report report = empty_report(find_id((int)action->report));
    report.generation = (int64_t)action->generation;
    report.pid = action->pid;
    report.deploy = (int64_t)action->deploy;
    report.seconds = (double)action->ms / 1000.0;
    report.cause = deploy_cause_name(action->cause);
    report.path = action->path;
    report.reason = deploy_failure_text(action->reason);
    if (report.kind != NULL && (report.kind->fields & SIGNAL) != 0) {
        report.signal = signal_name(action->signal);
    } else if (WIFSIGNALED(action->status)) {
        report.signal = signal_name(WTERMSIG(action->status));
        report.core_dumped = WCOREDUMP(action->status) ? 1 : 0;
    } else {
        report.exit_status = WEXITSTATUS(action->status);
    }
    return report;
}

struct report report_worker_status(uint64_t generation, pid_t pid, const char *text)
{
    struct report report = empty_report(find_id(REPORT_WORKER_STATUS));
    report.generation = (int64_t)generation;
    report.pid = pid;
    report.text = text;
    return report;
}

struct report report_draining(uint64_t generation, pid_t pid, int64_t connections)
{
    struct report report = empty_report(find_id(REPORT_DRAINING));
    report.generation = (int64_t)generation;
    report.pid = pid;
    report.connections = connections;
    return report;
}

/* --- as a sentence -----------------------------------------------------------------------------
 */

static const char *after_core(const struct report *report)
{
    return report->core_dumped != 0 ? ", core dumped" : "";
}

static void add_ending(struct builder *builder, const struct report *report)
{
    if (report->signal != NULL) {
        builder_add(builder, "was killed by %s%s", report->signal, after_core(report));
    } else {
        builder_add(builder, "exited with status %" PRId64, report->exit_status);
    }
}

static void add_unexpectedly(struct builder *builder, const struct report *report)
{
    if (report->signal != NULL) {
        builder_add(builder, "was killed unexpectedly (%s%s)", report->signal, after_core(report));
    } else {
        builder_add(builder, "exited unexpectedly (status %" PRId64 ")", report->exit_status);
    }
}

static void add_seconds(struct builder *builder, const struct report *report)
{
    char duration[32];
    builder_add(
        builder, "%s",
        duration_format((int64_t)(report->seconds * 1000 + 0.5), duration, sizeof duration));
}

static void add_when(struct builder *builder, const struct report *report)
{
    if (report->seconds > 0) {
        builder_add(builder, "in ");
        add_seconds(builder, report);
    } else {
        builder_add(builder, "now");
    }
}

static void add_connections(struct builder *builder, const struct report *report)
{
    if (report->connections < 0) {
        builder_add(builder, "connections");
    } else {
        builder_add(builder, "%" PRId64 " connection%s", report->connections,
                    report->connections == 1 ? "" : "s");
    }
}

/* What somebody asked for needs no cause. */
static void add_cause(struct builder *builder, const struct report *report)
{
    static const struct {
        const char *name;
        const char *words;
    } causes[] = {{"time", " by --auto-restart-interval"},
                  {"watchdog", " by the watchdog"},
                  {"change", " by a change"}};
    for (size_t i = 0; report->cause != NULL && i < sizeof causes / sizeof causes[0]; i++) {
        if (strcmp(causes[i].name, report->cause) == 0) {
            builder_add(builder, "%s", causes[i].words);
        }
    }
    if (report->path != NULL) {
        builder_add(builder, " of %s", report->path);
    }
}

static const struct {
    const char *name;
    void (*add)(struct builder *builder, const struct report *report);
} phrases[] = {
    {"ending", add_ending}, {"unexpectedly", add_unexpectedly}, {"seconds", add_seconds},
    {"when", add_when},     {"connections", add_connections},   {"cause", add_cause},
};

static bool is_name(const char *name, const char *start, size_t length)
{
    return strlen(name) == length && strncmp(name, start, length) == 0;
}

static void add_placeholder(struct builder *builder, const struct report *report, const char *start,
                            size_t length)
{
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        if (is_name(phrases[i].name, start, length)) {
            phrases[i].add(builder, report);
            return;
        }
    }
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (!is_name(fields[i].key, start, length)) {
            continue;
        }
        if (fields[i].type == TYPE_TEXT) {
            const char *text = text_of(report, &fields[i]);
            builder_add(builder, "%s", text != NULL ? text : "?");
        } else {
            builder_add(builder, "%" PRId64, number_of(report, &fields[i]));
        }
    }
}

const char *report_sentence(const struct report *report, char *buffer, size_t size)
{
    struct builder builder = builder_in(buffer, size);
    const char *rest = report->kind != NULL ? report->kind->sentence : "";
    while (*rest != '\0') {
        size_t plain = strcspn(rest, "{");
        builder_add(&builder, "%.*s", (int)plain, rest);
        rest += plain;
        if (*rest == '{') {
            size_t length = strcspn(rest + 1, "}");
            add_placeholder(&builder, report, rest + 1, length);
            rest += length + 2;
        }
    }
    return buffer;
}

/* --- as JSON -----------------------------------------------------------------------------------
 */

static void set_field(json_t *event, const struct report *report, const struct field *field)
{
    switch (field->type) {
    case TYPE_NUMBER:
    case TYPE_STATUS:
        field_set_number(event, field->key, number_of(report, field));
        break;
    case TYPE_KNOWN:
        field_set_known(event, field->key, number_of(report, field));
        break;
    case TYPE_SECONDS:
        field_set_seconds(event, field->key, report->seconds);
        break;
    case TYPE_TRUE:
        json_object_set_new(event, field->key, json_true());
        break;
    case TYPE_TEXT:
        field_set_text(event, field->key, text_of(report, field));
        break;
    }
}

json_t *report_to_json(const struct report *report, double now)
{
    json_t *event = json_object();
    field_set_text(event, "event", report->kind != NULL ? report_name(report->kind) : "?");
    field_set_seconds(event, "time", now);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (has(report, &fields[i])) {
            set_field(event, report, &fields[i]);
        }
    }
    return event;
}

struct report report_from_json(const json_t *event)
{
    struct report report = empty_report(find_name(field_text(event, "event", "")));
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct field *field = &fields[i];
        if (field->type == TYPE_TEXT) {
            *text_in(&report, field) = field_text(event, field->key, NULL);
        } else if (field->type == TYPE_TRUE) {
            *number_in(&report, field) = json_is_true(json_object_get(event, field->key));
        } else if (field->type == TYPE_SECONDS) {
            report.seconds = field_seconds(event, field->key, 0);
        } else {
            *number_in(&report, field) = field_number(event, field->key, number_of(&report, field));
        }
    }
    return report;
}

/* --- as variables ------------------------------------------------------------------------------
 */

/* A number that does not apply is 0, and left out. */
static int set_variable(struct environment *environment, const struct report *report,
                        const struct field *field, struct error *error)
{
    if (field->type == TYPE_TEXT) {
        return environment_set(environment, field->variable, text_of(report, field), error);
    }
    int64_t number = number_of(report, field);
    return number != 0 || field->type == TYPE_STATUS
               ? environment_set_number(environment, field->variable, (uint64_t)number, error)
               : 0;
}

int report_to_environment(const struct report *report, struct environment *environment,
                          struct error *error)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (fields[i].variable == NULL) {
            continue;
        }
        environment_unset(environment, fields[i].variable); /* whoever started the supervisor */
        if (has(report, &fields[i]) && set_variable(environment, report, &fields[i], error) != 0) {
            return -1;
        }
    }
    return environment_set(environment, "TASUKI_EVENT", report_name(report->kind), error);
}
