#include "event_text.h"

#include "human.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_int_t field_number(const json_t *object, const char *key, json_int_t missing)
{
    const json_t *field = json_object_get(object, key);
    return json_is_integer(field) ? json_integer_value(field) : missing;
}

double field_seconds(const json_t *object, const char *key, double missing)
{
    const json_t *field = json_object_get(object, key);
    return json_is_number(field) ? json_number_value(field) : missing;
}

const char *field_text(const json_t *object, const char *key, const char *missing)
{
    const json_t *field = json_object_get(object, key);
    return json_is_string(field) ? json_string_value(field) : missing;
}

void event_ending(const json_t *event, char *buffer, size_t size)
{
    const char *signal = field_text(event, "signal", NULL);
    if (signal != NULL) {
        snprintf(buffer, size, "was killed by %s", signal);
    } else {
        snprintf(buffer, size, "exited with status %" JSON_INTEGER_FORMAT,
                 field_number(event, "exit_status", 0));
    }
}

/* --- a template for each event -----------------------------------------------------------------
 */

/* {g} generation, {p} pid, {d} deploy, {e} ending, {s} seconds, {S} signal, {r} reason, {t} text,
   {c} connections, {C} cause, {w} when: now or in so many seconds. */
static const struct {
    const char *event;
    const char *text;
} templates[] = {
    {"spawned", "generation {g}: worker {p} started"},
    {"ready", "generation {g}: worker {p} is ready after {s}"},
    {"start-failed", "generation {g}: worker {p} {e} before it was ready"},
    {"not-ready", "generation {g}: worker {p} was not ready in time"},
    {"crashed", "generation {g}: worker {p} {e}, although nobody had asked it to"},
    {"hung", "generation {g}: worker {p} gives no sign of life"},
    {"left", "generation {g}: worker {p} {e}"},
    {"rolled-back", "generation {g}: worker {p} is current again"},
    {"paused", "the next start waits {s}"},
    {"retiring", "generation {g} serves; the older ones are signalled {w}"},
    {"signalled", "generation {g}: {S} sent to worker {p}"},
    {"draining", "generation {g}: worker {p} has {c} left"},
    {"worker-status", "generation {g}: worker {p} says: {t}"},
    {"deploy-started", "deploy {d} started{C}"},
    {"deploy-queued", "deploy {d} follows the one under way"},
    {"check-started", "deploy {d}: the check is running"},
    {"deploy-succeeded", "deploy {d} succeeded: generation {g} serves"},
    {"deploy-failed", "deploy {d} failed: {r}"},
    {"deploy-stopped", "deploy {d} was overtaken by a stop"},
    {"gave-up", "giving up: too many workers have died"},
    {"ending", "the worker {e}, and the service ends with it"},
    {"stop-overdue", "it takes too long to stop: who is left is killed"},
    {"stopping", "stopping"},
};

static void write_connections(const json_t *event, char *buffer, size_t size)
{
    json_int_t connections = field_number(event, "connections", -1);
    if (connections < 0) {
        snprintf(buffer, size, "connections");
    } else {
        snprintf(buffer, size, "%" JSON_INTEGER_FORMAT " connection%s", connections,
                 connections == 1 ? "" : "s");
    }
}

static void write_cause(const json_t *event, char *buffer, size_t size)
{
    const char *cause = field_text(event, "cause", "request");
    const char *path = field_text(event, "path", NULL);
    if (strcmp(cause, "change") == 0) {
        snprintf(buffer, size, " by a change%s%s", path != NULL ? " of " : "",
                 path != NULL ? path : "");
    } else if (strcmp(cause, "request") != 0) {
        snprintf(buffer, size, " by %s%s", strcmp(cause, "watchdog") == 0 ? "the " : "", cause);
    }
}

static void write_when(const json_t *event, char *buffer, size_t size)
{
    char seconds[HUMAN_SIZE];
    double wait = field_seconds(event, "seconds", 0);
    snprintf(buffer, size, "%s%s", wait > 0 ? "in " : "now",
             wait > 0 ? human_seconds(wait, seconds) : "");
}

static void write_field(const json_t *event, char field, char *buffer, size_t size)
{
    buffer[0] = '\0';
    switch (field) {
    case 'g':
    case 'p':
    case 'd': {
        const char *key = field == 'g' ? "generation" : field == 'p' ? "pid" : "deploy";
        snprintf(buffer, size, "%" JSON_INTEGER_FORMAT, field_number(event, key, 0));
        break;
    }
    case 's': {
        char seconds[HUMAN_SIZE];
        snprintf(buffer, size, "%s", human_seconds(field_seconds(event, "seconds", 0), seconds));
        break;
    }
    case 'w':
        write_when(event, buffer, size);
        break;
    case 'e':
        event_ending(event, buffer, size);
        break;
    case 'c':
        write_connections(event, buffer, size);
        break;
    case 'C':
        write_cause(event, buffer, size);
        break;
    default:
        snprintf(buffer, size, "%s",
                 field_text(event,
                            field == 'S'   ? "signal"
                            : field == 'r' ? "reason"
                                           : "text",
                            ""));
        break;
    }
}

static void fill_template(const char *template, const json_t *event, char *buffer, size_t size)
{
    size_t length = 0;
    while (*template != '\0' && length + 1 < size) {
        if (template[0] == '{') {
            write_field(event, template[1], buffer + length, size - length);
            length += strlen(buffer + length);
            template += 3;
        } else {
            buffer[length++] = *template ++;
        }
    }
    buffer[length] = '\0';
}

static void write_unknown(const char *name, const json_t *event, char *buffer, size_t size)
{
    size_t length = (size_t)snprintf(buffer, size, "%s", name);
    const char *key;
    const json_t *value;
    json_object_foreach((json_t *)event, key, value)
    {
        if (strcmp(key, "event") == 0 || strcmp(key, "time") == 0 || length >= size) {
            continue;
        }
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
        length += (size_t)snprintf(buffer + length, size - length, " %s=%s", key,
                                   text != NULL ? text : "?");
        free(text);
    }
}

void event_text(const json_t *event, char *buffer, size_t size)
{
    const char *name = field_text(event, "event", "?");
    for (size_t i = 0; i < sizeof templates / sizeof templates[0]; i++) {
        if (strcmp(templates[i].event, name) == 0) {
            fill_template(templates[i].text, event, buffer, size);
            return;
        }
    }
    write_unknown(name, event, buffer, size);
}
