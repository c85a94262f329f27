#include "change_trigger.h"

#include "log.h"

#include <stdlib.h>
#include <string.h>

/* How long everything must have stayed the same before a change begins a deploy. */
#define PAUSE_SECONDS 1.0

static void report_change(struct change_trigger *trigger, const char *path)
{
    free(trigger->path);
    trigger->path = strdup(path);
    trigger->setup.on_change(trigger->setup.context, path);
}

static void pause_watching(struct change_trigger *trigger)
{
    ev_io_stop(trigger->setup.loop, &trigger->readable);
    ev_timer_set(&trigger->pause, PAUSE_SECONDS, 0.0);
    ev_timer_start(trigger->setup.loop, &trigger->pause);
}

/* What cannot be watched is said once, until all of it can be again. */
static enum change look(struct change_trigger *trigger, const char **path)
{
    struct error error;
    enum change change = change_watch_look(trigger->watch, path, &error);
    if (error.text[0] != '\0' && !trigger->is_blind) {
        log_warning("--restart-on-change: %s", error.text);
    }
    trigger->is_blind = error.text[0] != '\0';
    return change;
}

/* The first look only says that there is something to look at again after a pause. */
static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents)
{
    (void)loop;
    (void)revents;
    struct change_trigger *trigger = watcher->data;
    const char *path;
    if (look(trigger, &path) == CHANGE_SETTLED) {
        report_change(trigger, path);
    }
    pause_watching(trigger);
}

static void on_pause_over(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)revents;
    struct change_trigger *trigger = watcher->data;
    const char *path;
    enum change change = look(trigger, &path);
    if (change == CHANGE_SETTLING) {
        pause_watching(trigger);
        return;
    }
    ev_io_start(loop, &trigger->readable);
    if (change == CHANGE_SETTLED) {
        report_change(trigger, path);
    }
}

static int open_watch(struct change_trigger *trigger, struct error *error)
{
    trigger->watch = change_watch_new(error);
    if (trigger->watch == NULL) {
        return -1;
    }
    ev_timer_init(&trigger->pause, on_pause_over, 0.0, 0.0);
    ev_io_init(&trigger->readable, on_readable, change_watch_fd(trigger->watch), EV_READ);
    trigger->pause.data = trigger;
    trigger->readable.data = trigger;
    ev_io_start(trigger->setup.loop, &trigger->readable);
    return 0;
}

int change_trigger_follow(struct change_trigger *trigger, const struct options *options,
                          struct error *error)
{
    if (trigger->watch == NULL && options->watched_paths.count == 0) {
        return 0;
    }
    if (trigger->watch == NULL && open_watch(trigger, error) != 0) {
        return -1;
    }
    return change_watch_follow(trigger->watch, options->watched_paths.items,
                               options->watched_paths.count, error);
}

const char *change_trigger_path(const struct change_trigger *trigger)
{
    return trigger->path;
}

void change_trigger_init(struct change_trigger *trigger, const struct change_trigger_setup *setup)
{
    *trigger = (struct change_trigger){.setup = *setup};
}

void change_trigger_close(struct change_trigger *trigger)
{
    if (trigger->watch != NULL) {
        ev_io_stop(trigger->setup.loop, &trigger->readable);
        ev_timer_stop(trigger->setup.loop, &trigger->pause);
        change_watch_free(trigger->watch);
    }
    free(trigger->path);
}
