/*
 * The operator's side of the supervisor: it answers requests on the control socket, keeps the
 * history of deploys, and knows which client waits for which deploy and which client follows the
 * events. It passes requests to the supervisor and never carries them out itself. tasuki-control(7)
 * describes the replies.
 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include "crew.h"
#include "figures.h"

#include <jansson.h>

struct console;

/* The requests of operators, and the state that replies need. The supervisor owns all of it; it
   outlives the console. */
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

/* Opens the control socket and starts to answer. Returns NULL with the reason in `error`. */
struct console *console_open(const struct console_setup *setup, struct error *error);

/* Handles a report (`context` is the console): sends it to the followers, records it, and answers
   the clients that wait for it. This function and console_close accept NULL. */
void console_on_report(void *context, const struct lifecycle_action *report);
void console_report_status(struct console *console, uint64_t generation, const char *text);

/* Records the last output of a failed worker or check, for the report of a failed deploy. `words`
   is NULL if it cannot be read back; then `output` says where it went. Copies both. */
void console_set_last_words(struct console *console, const char *words, const char *output);

/* When the supervisor ends: answers the waiting clients and removes the socket. */
void console_close(struct console *console);

/* The members of the "status" reply that the console does not know itself. */
void console_add_status(json_t *status, const struct console_setup *setup,
                        const struct figures *figures, const char *name, double started);

#endif
