/*
 * The seccomp filter of a worker whose server binds for itself: the kernel reports bind, listen and
 * a few more calls to the companion, and carries out all others as usual (see seccomp_unotify(2)).
 * This file writes the filter, installs it in the child that becomes the worker, and passes its
 * descriptor to the supervisor, which hands it to the companion. It does not know what the calls
 * mean.
 *
 * The child shares the memory of the thread that made it. That thread waits until the child has
 * called execve(2), so it cannot answer. After the installation the child must make no call that
 * the filter reports.
 */
#ifndef ADOPTION_FILTER_H
#define ADOPTION_FILTER_H

#include "error.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

/* An upper bound of the filter's length. */
#define ADOPTION_FILTER_MAX 32

struct adoption_filter {
    struct sock_filter instructions[ADOPTION_FILTER_MAX];
    unsigned short length;
};

/* Writes the filter for this machine. `with_paths`: the calls that remove, replace or change what
   is at a path are reported, too; they are many, so only where a listener has a path. */
void adoption_filter_build(struct adoption_filter *filter, bool with_paths);

/* One installation: what the parent prepares, the child does, and the parent finds. */
struct adoption_installation {
    const struct adoption_filter *filter;
    bool is_required;  /* without the filter the command is not to be executed */
    int channel[2];    /* the parent's end and the child's */
    int notify_fd;     /* where the filter reports, close-on-exec; -1: not installed */
    int reason;        /* errno of an installation that failed; 0: none */
    bool is_mute;      /* it is installed, and can report to nobody: it fails the calls (ENOSYS) */
    bool no_new_privs; /* the child had to give up the rights of setuid programs for it */
};

/* In the parent, before the child is made. The channel's descriptors are `floor` or higher, out of
   the way of what the child arranges. Returns 0, or -1 with errno. */
int adoption_installation_open(struct adoption_installation *installation, int floor);

/* In the child, as the last step before it is executed, or before it gives up CAP_SYS_ADMIN: only
   system calls, none of which the filter reports. Returns 0, or -1 with the reason noted. */
int adoption_installation_perform(struct adoption_installation *installation);

/* In the parent again: closes the channel, and takes the notification descriptor from it. Where
   that never arrived the filter is mute. */
void adoption_installation_close(struct adoption_installation *installation);

/* Tests, in a helper process, whether this system allows filters and putting descriptors into other
   processes. Returns 0, or -1 with the reason. */
int adoption_filter_probe(const struct adoption_filter *filter, struct error *error);

/* Why an installation failed, as the end of a sentence. */
const char *adoption_failure_text(int reason);

#endif
