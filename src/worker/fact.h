/*
 * What a companion (companion.h) tells the supervisor: plain facts of one size, through a pipe, on
 * which nothing but bytes can come. Who runs with a worker's rights writes them, so they are taken
 * apart as if somebody hostile had.
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

/* In the companion. Waits where the pipe is full. Returns 0, or -1: nobody reads any more. */
int fact_send(int fd, const struct fact *fact);

/* In the supervisor. Returns 1 with a fact that makes sense: its kind is known, its listener is one
   of so many, its text is one line of valid UTF-8; 0 when none waits; -1 at the end, or when what
   came is none. */
int fact_receive(int fd, size_t listeners, struct fact *fact);

#endif
