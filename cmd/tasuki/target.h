/*
 * Which supervisor a command is for: the sockets that somebody listens on, in this user's directory
 * of control sockets.
 */
#ifndef TARGET_H
#define TARGET_H

#include "client.h"
#include "command.h"
#include "control_path.h"

struct target {
    char name[CONTROL_NAME_SIZE];
    struct client client; /* connected; owned. fd -1: it does not take connections */
};

struct target_list {
    struct target *targets; /* owned; by name */
    size_t count;
    struct error refused; /* why one was passed over where another user answers; "": none was */
};

/* Every supervisor that runs for this user. A socket that nobody listens on is passed over, and one
   on which another user does. Returns 0, or -1 when there is no directory to look into. */
int targets_find(struct target_list *list, struct error *error);

void targets_free(struct target_list *list);

/* Connects to the one that the request names, or to the only one. Returns 0, or the exit status
   with the reason printed. The caller closes the client. */
int target_choose(struct target *target, const struct command_request *request);

#endif
