/*
 * What --restart-on-change names, in the loop: many changes in a short time are one deploy, and
 * what goes on around the files wakes the supervisor once a pause at most.
 */
#include "log.h"
#include "supervisor_internal.h"

#include <stdlib.h>
#include <string.h>

/* How long everything must have stayed the same before a change begins a deploy. */
#define CHANGE_PAUSE_SECONDS 1.0

const char *supervisor_changed_path(const struct supervisor *supervisor)
{
    return supervisor->changes.path;
}

/* Without memory the deploy has no path. */
static void deploy_for_change(struct supervisor *supervisor, const char *path)
{
    free(supervisor->changes.path);
    supervisor->changes.path = strdup(path);
    log_info("%s has changed: asked to deploy", path);
    supervisor_reap(supervisor); /* deploy from what is, not from what was */
    supervisor_dispatch(supervisor,
                        &(struct lifecycle_event){.kind = EVENT_DEPLOY, .cause = CAUSE_CHANGE});
}

static void pause_watching(struct supervisor *supervisor)
{
    struct supervisor_changes *changes = &supervisor->changes;
    ev_io_stop(supervisor->loop, &changes->io);
    ev_timer_set(&changes->pause, CHANGE_PAUSE_SECONDS, 0.0);
    ev_timer_start(supervisor->loop, &changes->pause);
}

/* What cannot be watched is said once, until all of it can be again. */
static enum change look(struct supervisor *supervisor, const char **path)
{
    struct supervisor_changes *changes = &supervisor->changes;
    struct error error;
    enum change change = change_watch_look(changes->watch, path, &error);
    if (error.text[0] != '\0' && !changes->is_blind) {
        log_warning("--restart-on-change: %s", error.text);
    }
    changes->is_blind = error.text[0] != '\0';
    return change;
}

/* The first look only says that there is something to look at again after a pause. */
static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents)
{
    (void)watcher;
    (void)revents;
    struct supervisor *supervisor = ev_userdata(loop);
    const char *path;
    if (look(supervisor, &path) == CHANGE_SETTLED) {
        deploy_for_change(supervisor, path);
    }
    pause_watching(supervisor);
}

static void on_pause_over(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)watcher;
    (void)revents;
    struct supervisor *supervisor = ev_userdata(loop);
    const char *path;
    enum change change = look(supervisor, &path);
    if (change == CHANGE_SETTLING) {
        pause_watching(supervisor);
        return;
    }
    ev_io_start(loop, &supervisor->changes.io);
    if (change == CHANGE_SETTLED) {
        deploy_for_change(supervisor, path);
    }
}

/* Nothing is kept open, nor read, for an option that was not given. */
static int follow(struct supervisor *supervisor, const struct options *options, struct error *error)
{
    struct supervisor_changes *changes = &supervisor->changes;
    if (changes->watch == NULL && options->watched_path_count == 0) {
        return 0;
    }
    if (changes->watch == NULL) {
        changes->watch = change_watch_new(error);
        if (changes->watch == NULL) {
            return -1;
        }
        ev_timer_init(&changes->pause, on_pause_over, 0.0, 0.0);
        ev_io_init(&changes->io, on_readable, change_watch_fd(changes->watch), EV_READ);
        ev_io_start(supervisor->loop, &changes->io);
    }
    return change_watch_follow(changes->watch, options->watched_paths, options->watched_path_count,
                               error);
}

int supervisor_watch_changes(struct supervisor *supervisor)
{
    struct error error;
    if (follow(supervisor, supervisor_options(supervisor), &error) == 0) {
        return 0;
    }
    log_error("--restart-on-change: %s", error.text);
    *supervisor->setup->failure = error;
    return -1;
}

void supervisor_follow_changes(struct supervisor *supervisor)
{
    struct error error;
    if (follow(supervisor, supervisor_options(supervisor), &error) != 0) {
        log_error("--restart-on-change: %s", error.text);
    }
}
