/*
 * Watches paths for changes, with inotify(7): it tells when the file behind a path, or one of the
 * files in a directory, is another one or has other contents than before. It looks through symbolic
 * links and sees when one of them leads elsewhere, survives it when a file is replaced, and waits
 * for what is not there. It owns the descriptor and its copies of the paths. It knows no time: the
 * caller looks at it when its descriptor is readable, and again after a pause while it settles.
 */
#ifndef CHANGE_WATCH_H
#define CHANGE_WATCH_H

#include "error.h"

#include <stddef.h>

struct change_watch;

enum change {
    CHANGE_NONE,     /* all is as it was */
    CHANGE_SETTLING, /* something is not as it was, nor as it was at the look before this one */
    CHANGE_SETTLED,  /* something has changed, and stayed so between two looks */
};

/* Returns NULL with the reason in `error` where the system gives no descriptor. */
struct change_watch *change_watch_new(struct error *error);
void change_watch_free(struct change_watch *watch);

/* Readable when there may be something to see. */
int change_watch_fd(const struct change_watch *watch);

/* Watches these paths from now on and no others. One that was watched before keeps what it was
   compared with. Returns 0, or -1 with the first thing in `error` that cannot be watched; the rest
   is watched all the same. */
int change_watch_follow(struct change_watch *watch, const char *const *paths, size_t count,
                        struct error *error);

/* Looks at everything once, and follows links and directories that are others by now. With
   CHANGE_SETTLED, `path` is the first of those that changed, valid until the next
   change_watch_follow, and the change counts as seen. What is not there has not changed: it is
   compared with what it was when it is there again. `error` is empty, or says what cannot be
   watched any more. */
enum change change_watch_look(struct change_watch *watch, const char **path, struct error *error);

#endif
