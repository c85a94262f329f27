/*
 * The change trigger watches what --restart-on-change names and asks for a deploy when a change has
 * settled: many changes in a short time are one deploy, and other changes nearby wake the
 * supervisor once a second at most.
 */
#ifndef CHANGE_TRIGGER_H
#define CHANGE_TRIGGER_H

#include "change_watch.h"
#include "options.h"

#include <ev.h>
#include <stdbool.h>

struct change_trigger_setup {
    struct ev_loop *loop;
    void (*on_change)(void *context, const char *path);
    void *context;
};

struct change_trigger {
    struct change_trigger_setup setup;
    struct change_watch *watch; /* owned; NULL: nothing is watched */
    ev_io readable;
    ev_timer pause; /* until the files are looked at again */
    bool is_blind;  /* not everything can be watched, and that has been said */
    char *path;     /* what changed last; owned; NULL: nothing yet, or no memory for it */
};

void change_trigger_init(struct change_trigger *trigger, const struct change_trigger_setup *setup);

/* Watches the paths that these options name, and stops watching all others. Without
   --restart-on-change it opens nothing. Returns 0, or -1 with the reason in `error`; then it
   watches what it can. */
int change_trigger_follow(struct change_trigger *trigger, const struct options *options,
                          struct error *error);

/* The path that changed last, or NULL. */
const char *change_trigger_path(const struct change_trigger *trigger);

void change_trigger_close(struct change_trigger *trigger);

#endif
