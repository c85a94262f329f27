/*
 * What a companion (companion.h) tells the supervisor: plain facts of one size, through a pipe,
 * which carries nothing but bytes. A process with a worker's rights writes them, so the supervisor
 * treats them as hostile input.
 */
#ifndef FACT_H
#define FACT_H

#include "notify.h"

#include <stddef.h>
#include <stdint.h>

enum fact_kind {
    /* What the worker or a process below it says (sd_notify(3)). */
    FACT_READY = 1,
    FACT_ALIVE,
    FACT_HUNG,
    FACT_EXTEND,   /* with ms */
    FACT_STATUS,   /* with the text */
    FACT_STRANGER, /* somebody else has sent a message; told once */
    /* What one of them does with a listener; each is told once, but for FACT_TOOK. */
    FACT_TOOK,    /* it has the listener, and asked for it as `asked` says */
    FACT_LISTENS, /* it accepts connections there, or may receive datagrams */
    FACT_MISSED,  /* it wants the listener's port, on another address */
    FACT_MOVED,   /* it has put a socket of its own in the place of the listener's file */
    FACT_BLIND,   /* it could not be looked at */
    FACT_KINDS,
};

struct fact {
    uint32_t kind; /* enum fact_kind */
    int32_t process;
    uint32_t listener; /* its place in the generation's set */
    uint32_t asked;    /* enum adoption_blocking, of FACT_TOOK */
    int64_t ms;
    char text[NOTIFY_STATUS_SIZE];
};

/* In the companion. Waits while the pipe is full. Returns 0, or -1 if there is no reader. */
int fact_send(int fd, const struct fact *fact);

/* In the supervisor. Returns 1 with a valid fact: a known kind, the index of a listener below the
   limit, one line of valid UTF-8; 0 if none waits; -1 at the end, or if the bytes are no valid
   fact. */
int fact_receive(int fd, size_t listeners, struct fact *fact);

#endif
