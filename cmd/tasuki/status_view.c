#include "status_view.h"

#include "builder.h"
#include "event_text.h"
#include "human.h"
#include "text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What stands for a number that the system does not tell. */
static const char unknown[] = "-";

/* --- cells -------------------------------------------------------------------------------------
 */

static void add_number(struct table *table, const json_t *object, const char *key)
{
    int64_t number = field_number(object, key, -1);
    if (number < 0) {
        table_add(table, "%s", unknown);
    } else {
        table_add(table, "%" PRId64, number);
    }
}

static void add_age(struct table *table, const json_t *object, double now)
{
    char age[HUMAN_SIZE];
    double started = field_seconds(object, "started", -1);
    table_add(table, "%s", started < 0 ? unknown : human_age(now - started, age));
}

static void add_seconds(struct table *table, const json_t *object, const char *key)
{
    char text[HUMAN_SIZE];
    double seconds = field_seconds(object, key, -1);
    table_add(table, "%s", seconds < 0 ? unknown : human_seconds(seconds, text));
}

static void add_memory(struct table *table, const json_t *object)
{
    char text[HUMAN_SIZE];
    int64_t bytes = field_number(object, "memory", -1);
    table_add(table, "%s", bytes < 0 ? unknown : human_bytes(bytes, text));
}

static void describe_outcome(const json_t *deploy, char *buffer, size_t size)
{
    const char *outcome = field_text(deploy, "outcome", "?");
    const char *reason = field_text(deploy, "reason", NULL);
    int64_t generation = field_number(deploy, "generation", 0);
    if (strcmp(outcome, "failed") == 0 && reason != NULL) {
        snprintf(buffer, size, "failed: %s", reason);
    } else if (strcmp(outcome, "succeeded") == 0 && generation > 0) {
        snprintf(buffer, size, "succeeded: generation %" PRId64, generation);
    } else if (strcmp(outcome, "stopped") == 0) {
        snprintf(buffer, size, "cancelled by a stop");
    } else {
        snprintf(buffer, size, "%s", outcome);
    }
}

/* --- one supervisor ----------------------------------------------------------------------------
 */

static void print_head(const json_t *status, double now, int width)
{
    char age[HUMAN_SIZE];
    char text[512];
    double started = field_seconds(status, "started", now);
    snprintf(text, sizeof text, "%s: %s, pid %" PRId64 ", up %s, tasuki %s",
             field_text(status, "name", "?"), field_text(status, "state", "?"),
             field_number(status, "pid", 0), human_age(now - started, age),
             field_text(status, "version", "?"));
    text_clean(text);
    text_print_wrapped(stdout, text, 2, width);
}

static void print_command(const json_t *status, int width)
{
    AUTO_BUILDER struct builder text = {.length = 0};
    size_t i;
    const json_t *word;
    json_array_foreach(json_object_get(status, "command"), i, word)
    {
        builder_add(&text, "%s%s", i > 0 ? " " : "",
                    json_is_string(word) ? json_string_value(word) : "");
    }
    if (text.length > 0) {
        text_clean(text.bytes);
        printf("  ");
        text_print_wrapped(stdout, text.bytes, 4, width);
    }
}

static void print_deploy(const json_t *status)
{
    const json_t *deploy = json_object_get(status, "deploy");
    if (!json_is_object(deploy)) {
        return;
    }
    char seconds[HUMAN_SIZE];
    printf("\n  Deploy %" PRId64 " (by %.40s) is under way for %s", field_number(deploy, "id", 0),
           field_text(deploy, "cause", "?"),
           human_seconds(field_seconds(deploy, "seconds", 0), seconds));
    int64_t attempt = field_number(deploy, "attempt", 1);
    if (attempt > 1) {
        printf(", attempt %" PRId64, attempt);
    }
    puts(".");
}

static void print_section(struct table *table, int width)
{
    if (table->cell_count > 0) {
        puts("");
        table_print(table, stdout, 2, width);
    }
    table_free(table);
}

static void print_generations(const json_t *status, double now, int width)
{
    static const struct table_column columns[] = {
        {"GENERATION", TABLE_RIGHT},  {"STATE", TABLE_LEFT},        {"PID", TABLE_RIGHT},
        {"AGE", TABLE_RIGHT},         {"READY AFTER", TABLE_RIGHT}, {"MEMORY", TABLE_RIGHT},
        {"CONNECTIONS", TABLE_RIGHT},
    };
    struct table table = TABLE(columns);
    size_t i;
    const json_t *generation;
    json_array_foreach(json_object_get(status, "generations"), i, generation)
    {
        table_add(&table, "%s%" PRId64,
                  json_is_true(json_object_get(generation, "current")) ? "* " : "",
                  field_number(generation, "number", 0));
        table_add(&table, "%s", field_text(generation, "state", "?"));
        add_number(&table, generation, "pid");
        add_age(&table, generation, now);
        add_seconds(&table, generation, "ready_after");
        add_memory(&table, generation);
        add_number(&table, generation, "connections");
        const char *says = field_text(generation, "text", "");
        if (*says != '\0') {
            table_add_note(&table, says);
        }
    }
    print_section(&table, width);
}

static void add_queue(struct table *table, const json_t *listener)
{
    int64_t waiting = field_number(listener, "waiting", -1);
    int64_t backlog = field_number(listener, "backlog", -1);
    if (waiting < 0) {
        table_add(table, "%s", unknown);
    } else if (backlog < 0) {
        table_add(table, "%" PRId64, waiting);
    } else {
        table_add(table, "%" PRId64 " of %" PRId64, waiting, backlog);
    }
}

static void print_listeners(const json_t *status, int width)
{
    static const struct table_column columns[] = {
        {"FD", TABLE_RIGHT},          {"TYPE", TABLE_LEFT},     {"WAITING", TABLE_RIGHT},
        {"CONNECTIONS", TABLE_RIGHT}, {"LISTENER", TABLE_LEFT},
    };
    struct table table = TABLE(columns);
    size_t i;
    const json_t *listener;
    json_array_foreach(json_object_get(status, "listeners"), i, listener)
    {
        add_number(&table, listener, "fd");
        table_add(&table, "%s", field_text(listener, "type", "?"));
        add_queue(&table, listener);
        add_number(&table, listener, "connections");
        table_add(&table, "%s", field_text(listener, "name", "?"));
        if (json_is_true(json_object_get(listener, "left_over"))) {
            table_add_note(&table, "no worker of the current generation accepts; connections wait");
        }
    }
    print_section(&table, width);
}

static void print_deploys(const json_t *status, double now, int width)
{
    static const struct table_column columns[] = {
        {"DEPLOY", TABLE_RIGHT}, {"BY", TABLE_LEFT},      {"AGO", TABLE_RIGHT},
        {"TOOK", TABLE_RIGHT},   {"OUTCOME", TABLE_LEFT},
    };
    struct table table = TABLE(columns);
    size_t i;
    const json_t *deploy;
    json_array_foreach(json_object_get(status, "deploys"), i, deploy)
    {
        char outcome[512];
        add_number(&table, deploy, "id");
        table_add(&table, "%s", field_text(deploy, "cause", "?"));
        add_age(&table, deploy, now);
        add_seconds(&table, deploy, "seconds");
        describe_outcome(deploy, outcome, sizeof outcome);
        table_add(&table, "%s", outcome);
    }
    print_section(&table, width);
}

void status_view_print(const json_t *status, double now, int width)
{
    print_head(status, now, width);
    print_command(status, width);
    print_deploy(status);
    print_generations(status, now, width);
    print_listeners(status, width);
    print_deploys(status, now, width);
}

/* --- several -----------------------------------------------------------------------------------
 */

const struct table_column status_view_columns[6] = {
    {"NAME", TABLE_LEFT}, {"STATE", TABLE_LEFT},       {"PID", TABLE_RIGHT},
    {"UP", TABLE_RIGHT},  {"GENERATION", TABLE_RIGHT}, {"LAST DEPLOY", TABLE_LEFT},
};

static const json_t *find_current(const json_t *status)
{
    size_t i;
    const json_t *generation;
    json_array_foreach(json_object_get(status, "generations"), i, generation)
    {
        if (json_is_true(json_object_get(generation, "current"))) {
            return generation;
        }
    }
    return NULL;
}

static void add_last_deploy(struct table *table, const json_t *status, double now)
{
    const json_t *under_way = json_object_get(status, "deploy");
    const json_t *last = json_array_get(json_object_get(status, "deploys"), 0);
    char age[HUMAN_SIZE];
    if (json_is_object(under_way)) {
        table_add(table, "under way for %s",
                  human_seconds(field_seconds(under_way, "seconds", 0), age));
    } else if (last != NULL) {
        table_add(table, "%s %s ago", field_text(last, "outcome", "?"),
                  human_age(now - field_seconds(last, "started", now), age));
    } else {
        table_add(table, "%s", unknown);
    }
}

void status_view_add(struct table *table, const char *name, const json_t *status, double now)
{
    table_add(table, "%s", name);
    table_add(table, "%s", field_text(status, "state", "?"));
    add_number(table, status, "pid");
    add_age(table, status, now);
    add_number(table, find_current(status), "number");
    add_last_deploy(table, status, now);
}

void status_view_add_silent(struct table *table, const char *name)
{
    table_add(table, "%s", name);
    table_add(table, "no answer");
    for (size_t i = 2; i < sizeof status_view_columns / sizeof status_view_columns[0]; i++) {
        table_add(table, "%s", unknown);
    }
}
