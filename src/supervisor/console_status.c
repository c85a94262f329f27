/*
 * The "status" reply: how the service is, as one JSON object.
 */
#include "console.h"

#include <sys/socket.h>
#include <unistd.h>

static const char *describe_state(const struct lifecycle *lifecycle)
{
    if (lifecycle->stopping) {
        return "stopping";
    }
    if (lifecycle->current != 0) {
        return "serving";
    }
    return lifecycle->starting != 0 ? "starting" : "down";
}

static void describe_family(struct json_text *json, const struct family *family)
{
    json_text_seconds(json, "started", family->started);
    if (family->ready_after >= 0) {
        json_text_seconds(json, "ready_after", family->ready_after);
    } else {
        json_text_null(json, "ready_after");
    }
    json_text_string(json, "text", family->status[0] != '\0' ? family->status : NULL);
}

static void describe_generation(struct json_text *json, const struct console_setup *setup,
                                const struct generation *generation, const struct figures *figures)
{
    const struct generation_figures known = figures_of_generation(figures, generation->number);
    const struct family *family = crew_find(setup->crew, generation->number);
    json_text_open(json, NULL, '{');
    json_text_number(json, "number", (int64_t)generation->number);
    json_text_string(json, "state", generation_state_name(generation->state));
    json_text_number(json, "pid", generation->pid);
    json_text_bool(json, "current", generation->number == setup->lifecycle->current);
    json_text_known(json, "memory", known.memory);
    json_text_known(json, "connections", known.connections);
    if (family != NULL) {
        describe_family(json, family);
    }
    json_text_close(json, '}');
}

static void describe_listener(struct json_text *json, const struct console_setup *setup,
                              const struct listener *listener, const struct diag_listener *known)
{
    json_text_open(json, NULL, '{');
    json_text_string(json, "name", listener->name);
    json_text_string(json, "type", listener_type_name(listener));
    json_text_number(json, "fd", listener->worker_fd);
    json_text_known(json, "waiting", known->waiting);
    json_text_known(json, "backlog", known->backlog);
    json_text_known(json, "connections", known->connections);
    json_text_bool(json, "left_over", crew_is_left_over(setup->crew, listener));
    json_text_close(json, '}');
}

static void describe_command(struct json_text *json, char *const *command)
{
    json_text_open(json, "command", '[');
    for (; *command != NULL; command++) {
        json_text_string(json, NULL, *command);
    }
    json_text_close(json, ']');
}

void console_add_status(struct json_text *json, const struct console_setup *setup,
                        const struct figures *figures, const char *name, double started)
{
    const struct lifecycle *lifecycle = setup->lifecycle;
    const struct release *release = *setup->release;
    json_text_string(json, "name", name);
    json_text_number(json, "pid", getpid());
    json_text_string(json, "version", TASUKI_VERSION);
    describe_command(json, release_options(release)->command);
    json_text_seconds(json, "started", started);
    json_text_string(json, "state", describe_state(lifecycle));
    json_text_open(json, "listeners", '[');
    for (size_t i = 0; i < release->listeners.count; i++) {
        const struct listener *listener = &release->listeners.items[i];
        const struct diag_listener known = figures_of_listener(figures, i, listener->fd);
        describe_listener(json, setup, listener, &known);
    }
    json_text_close(json, ']');
    json_text_open(json, "generations", '[');
    for (size_t i = 0; i < lifecycle->count; i++) {
        describe_generation(json, setup, &lifecycle->generations[i], figures);
    }
    json_text_close(json, ']');
}
