/*
 * The operator's side of the supervisor: it answers what comes in on the control socket, keeps the
 * history of deploys, and knows who waits for which deploy and who follows the events. It asks the
 * supervisor for what is to be done, and never does it itself. The replies are described in
 * tasuki-control(7).
 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include "crew.h"
#include "figures.h"

#include <jansson.h>

struct console;

/* What an operator can ask for, and what is needed to tell how things are. All of it is the
   supervisor's and outlives the console. */
struct console_setup {
    struct ev_loop *loop;
    const struct options *options;  /* the supervisor's own: its name, its socket */
    struct release *const *release; /* what is in force */
    const struct lifecycle *lifecycle;
    const struct crew *crew;
    void (*reap)(void *context); /* takes in what has happened, before it is looked at */
    void (*deploy)(void *context);
    void (*stop)(void *context, int signal);
    int (*reopen)(void *context, struct error *error);
    int (*signal_current)(void *context, int signal, struct error *error);
    void *context;
};

/* Opens the control socket, and answers it from now on. Returns NULL with the reason in `error`. */
struct console *console_open(const struct console_setup *setup, struct error *error);

/* Something happened (`context` is the console): tells the followers, keeps the history, answers
   who waited for it. These, and console_close, take NULL for a console that there is not. */
void console_on_report(void *context, const struct lifecycle_action *report);
void console_report_status(struct console *console, uint64_t generation, const char *text);

/* What the newest failed worker (or check) said last, for the report of a failed deploy; NULL when
   it could not be read back, and then `output` tells where it went. Copies both. */
void console_set_last_words(struct console *console, const char *words, const char *output);

/* The end of the supervisor: answers those who wait for it, and removes the socket. */
void console_close(struct console *console);

/* The members of the "status" reply that the console does not know itself. */
void console_add_status(json_t *status, const struct console_setup *setup,
                        const struct figures *figures, const char *name, double started);

#endif
