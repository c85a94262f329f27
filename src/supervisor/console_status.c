/*
 * The "status" reply: how the service is, as one JSON object.
 */
#include "console.h"
#include "json_field.h"

#include <unistd.h>

static const char *describe_state(const struct lifecycle *lifecycle)
{
    if (lifecycle_is_stopping(lifecycle)) {
        return "stopping";
    }
    if (lifecycle_current(lifecycle) != 0) {
        return "serving";
    }
    return lifecycle_starting(lifecycle) != 0 ? "starting" : "down";
}

static void describe_family(json_t *object, const struct family *family)
{
    field_set_seconds(object, "started", family->started);
    if (family->ready_after >= 0) {
        field_set_seconds(object, "ready_after", family->ready_after);
    } else {
        field_set_text(object, "ready_after", NULL);
    }
    field_set_text(object, "text", family->status[0] != '\0' ? family->status : NULL);
}

static void describe_generation(json_t *object, const struct console_setup *setup,
                                const struct generation *generation, const struct figures *figures)
{
    const struct generation_figures known = figures_of_generation(figures, generation->number);
    const struct family *family = crew_find(setup->crew, generation->number);
    field_set_number(object, "number", (int64_t)generation->number);
    field_set_text(object, "state", generation_state_name(generation->state));
    field_set_number(object, "pid", generation_pid(generation));
    field_set_bool(object, "current", generation->number == lifecycle_current(setup->lifecycle));
    field_set_known(object, "memory", known.memory);
    field_set_known(object, "connections", known.connections);
    if (family != NULL) {
        describe_family(object, family);
    }
}

static void describe_listener(json_t *object, const struct console_setup *setup,
                              const struct listener *listener, const struct diag_listener *known)
{
    field_set_text(object, "name", listener->name);
    field_set_text(object, "type", listener_type_name(listener));
    field_set_number(object, "fd", listener->worker_fd);
    field_set_known(object, "waiting", known->waiting);
    field_set_known(object, "backlog", known->backlog);
    field_set_known(object, "connections", known->connections);
    field_set_bool(object, "left_over", crew_is_left_over(setup->crew, listener));
}

void console_add_status(json_t *status, const struct console_setup *setup,
                        const struct figures *figures, const char *name, double started)
{
    const struct lifecycle *lifecycle = setup->lifecycle;
    const struct release *release = *setup->release;
    field_set_text(status, "name", name);
    field_set_number(status, "pid", getpid());
    field_set_text(status, "version", TASUKI_VERSION);
    json_t *command = field_add_array(status, "command");
    for (char *const *word = release_options(release)->command; *word != NULL; word++) {
        json_array_append_new(command, json_text(*word));
    }
    field_set_seconds(status, "started", started);
    field_set_text(status, "state", describe_state(lifecycle));
    json_t *listeners = field_add_array(status, "listeners");
    for (size_t i = 0; i < release->listeners.count; i++) {
        const struct listener *listener = &release->listeners.items[i];
        const struct diag_listener known = figures_of_listener(figures, i, listener->fd);
        describe_listener(field_add_object(listeners, NULL), setup, listener, &known);
    }
    json_t *generations = field_add_array(status, "generations");
    for (size_t i = 0; i < lifecycle->count; i++) {
        describe_generation(field_add_object(generations, NULL), setup, &lifecycle->generations[i],
                            figures);
    }
}
