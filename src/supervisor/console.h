/*
 * The operator's side of the supervisor: it answers what comes in on the control socket, keeps the
 * history of deploys, and knows who waits for which deploy and who follows the events. It asks the
 * supervisor for what is to be done, and never does it itself. The replies are described in
 * tasuki-control(7).
 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include "family.h"
#include "figures.h"
#include "json_text.h"
#include "lifecycle.h"
#include "release.h"

struct console;

/* What an operator can ask for, and what is needed to tell how things are. All of it is the
   supervisor's and outlives the console. */
struct console_setup {
    struct ev_loop *loop;
    const struct options *options;  /* the supervisor's own: its name, its socket */
    struct release *const *release; /* what is in force */
    const struct lifecycle *lifecycle;
    const struct family *(*find_family)(void *context, uint64_t generation);
    bool (*is_left_over)(void *context,
                         const struct listener *listener); /* the current generation has others */
    void (*reap)(void *context); /* takes in what has happened, before it is looked at */
    void (*deploy)(void *context);
    void (*stop)(void *context);
    int (*reopen)(void *context, struct error *error);
    int (*signal_current)(void *context, int signal, struct error *error);
    void *context;
};

/* Opens the control socket. Without one (--control=off, or where it cannot be had) there is no
   console: NULL, and the reason in `error` unless it was asked for. */
struct console *console_open(const struct console_setup *setup, struct error *error);

/* The descriptor to poll for reading; then call console_process. */
int console_fd(const struct console *console);
void console_process(struct console *console);

/* Something happened: tells the followers, keeps the history, answers who waited for it. These, and
   console_close, take NULL for a console that there is not. */
void console_report(struct console *console, const struct lifecycle_action *report);
void console_report_status(struct console *console, uint64_t generation, const char *text);

/* What the newest failed worker (or check) said last, for the report of a failed deploy; NULL when
   it could not be read back, and then `output` tells where it went. Copies both. */
void console_set_last_words(struct console *console, const char *words, const char *output);

/* True while somebody waits for older generations to leave; then console_report_draining is to be
   called every second. */
bool console_wants_draining(const struct console *console);
void console_report_draining(struct console *console);

/* The end of the supervisor: answers those who wait for it, and removes the socket. */
void console_close(struct console *console);

/* The members of the "status" reply that the console does not know itself. */
void console_add_status(struct json_text *json, const struct console_setup *setup,
                        const struct figures *figures, const char *name, double started);

#endif
