/*
 * The operator's side of the supervisor: it answers what comes in on the control socket, keeps the
 * history of deploys, and knows who waits for which deploy and who follows the events. It asks the
 * supervisor for what is to be done, and never does it itself. The replies are described in
 * tasuki(1), CONTROL.
 */
#ifndef OPERATOR_H
#define OPERATOR_H

#include "attendant.h"
#include "lifecycle.h"
#include "listener.h"
#include "options.h"

#include <jansson.h>

struct operator;

/* What an operator can ask for, and what is needed to tell how things are. All of it is the
   supervisor's and outlives the operator. */
struct operator_setup {
    const struct options *options;
    const struct listener_set *listeners;
    const struct lifecycle *lifecycle;
    const struct attendant *(*find_attendant)(void *context, uint64_t generation);
    void (*deploy)(void *context);
    void (*stop)(void *context);
    int (*reopen)(void *context, struct error *error);
    int (*signal_current)(void *context, int signal, struct error *error);
    void *context;
};

/* Opens the control socket. Without one (--control=off, or where it cannot be had) there is no
   operator: NULL, and the reason in `error` unless it was asked for. */
struct operator *operator_open(const struct operator_setup *setup, struct error *error);

/* The descriptor to poll for reading; then call operator_process. */
int operator_fd(const struct operator *operator);
void operator_process(struct operator *operator);

/* Something happened: tells the followers, keeps the history, answers who waited for it. These, and
   operator_close, take NULL for an operator that there is not. */
void operator_report(struct operator *operator, const struct lifecycle_action *report);
void operator_report_status(struct operator *operator, uint64_t generation, const char *text);

/* What the newest failed worker (or check) said last, for the report of a failed deploy; NULL when
   it could not be read back, and then `output` tells where it went. Copies both. */
void operator_set_last_words(struct operator *operator, const char *words, const char *output);

/* True while somebody waits for older generations to leave; then operator_report_draining is to be
   called every second. */
bool operator_wants_draining(const struct operator *operator);
void operator_report_draining(struct operator *operator);

/* The end of the supervisor: answers those who wait for it, and removes the socket. */
void operator_close(struct operator *operator);

/* The whole state as the "status" reply has it. The caller's reference. */
json_t *operator_status(const struct operator_setup *setup, const char *name, double started,
                        json_t *deploys);

#endif
