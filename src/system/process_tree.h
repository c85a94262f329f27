/*
 * Which process is below which, as far as /proc tells. A /proc that was mounted for another pid
 * namespace tells nothing: its numbers mean other processes.
 */
#ifndef PROCESS_TREE_H
#define PROCESS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct process_list {
    pid_t *items; /* owned */
    size_t count;
};

/* True if `pid` is `ancestor` or a process below it. Without /proc only the ancestor itself is
   known to be. False for a process that is gone; one that has not been reaped is still there. */
bool process_is_within(pid_t pid, pid_t ancestor);

/* Lists `root` and the processes below it; some may be gone, or new ones there, when the caller
   looks. Returns 0; or -1 if there is no telling: root is gone, /proc is not ours, or the kernel
   does not list children. The list is to be freed in both cases. */
int process_list_below(pid_t root, struct process_list *list);

void process_list_free(struct process_list *list);

/* True if the numbers in /proc are those that this process knows others by. */
bool process_proc_is_ours(void);

/* The state as proc_pid_stat(5) has it: 'R', 'S', 'D' ...; NUL: there is no such process. */
char process_state(pid_t pid);

/* True if the process has ended, whether it was reaped or not. */
bool process_has_ended(pid_t pid);

#endif
