/*
 * Files in directories that others may write to. A path is walked name by name, and what another
 * user has put on the way decides nothing that this user could not decide without it:
 *
 *   - a symbolic link of root or of this process's user is followed; one of another user only to
 *     what is that user's own (the `current` link of a deploy user, in a service of root's);
 *   - in a sticky directory that everybody may write to (/tmp), what belongs to anybody but root,
 *     this user or the directory's owner is refused (proc_sys_fs(5): protected_symlinks,
 *     protected_regular, protected_fifos; here it is done whatever the machine is set to);
 *   - a file of root's or of this user's that has a second hard link is refused in a directory of
 *     another user, or that everybody may write to (protected_hardlinks).
 *
 * Every refusal has errno EPERM. Nothing waits: a FIFO without a peer or a slow device is opened as
 * with O_NONBLOCK.
 */
#ifndef TRUSTED_PATH_H
#define TRUSTED_PATH_H

#include "error.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

/* Where a file is or is to be: a directory, and its name in there. */
struct trusted_place {
    int directory; /* O_PATH; owned; -1: none */
    char name[NAME_MAX + 1];
    bool is_owned_by; /* a link of another user's leads here: only a file of that user is taken */
    uid_t owner;
    bool is_strangers; /* a directory on the way is another user's in one for everybody: nobody
                          knows who that is */
};

/* Whether root or this process's user is meant, whom this process obeys anyway. */
bool trusted_user(uid_t user);

/* Finds the place of the file that `path` leads to, links followed; the file need not be there.
   Returns 0, or -1 with errno and with the reason alone in `reason` (the caller names what it is
   for). */
int trusted_find(const char *path, struct trusted_place *place, struct error *reason);

/* The same without following a link in the last name: where to make, replace or remove a file. */
int trusted_find_entry(const char *path, struct trusted_place *place, struct error *reason);

/* Opens the file there; `flags` and `mode` as in open(2), O_TRUNC excepted. The descriptor is
   close-on-exec and non-blocking. Returns it, or -1 with errno and the reason. */
int trusted_open_place(const struct trusted_place *place, int flags, mode_t mode,
                       struct error *reason);

void trusted_place_close(struct trusted_place *place);

/* trusted_find and trusted_open_place in one. */
int trusted_open(const char *path, int flags, mode_t mode, struct error *reason);

/* The same for a path that begins at an open directory. */
int trusted_open_at(int directory, const char *path, int flags, mode_t mode, struct error *reason);

/* Removes the file that `path` leads to, unless another than that of this device and inode is in
   its place by now. Returns 0 when that file is there no longer, or -1 with errno. */
int trusted_remove(const char *path, dev_t device, ino_t inode);

#define AUTO_PLACE __attribute__((cleanup(trusted_place_close)))

#endif
