/*
 * The file of a unix socket: removes a stale one, makes a new one with its final rights (never
 * wider ones in between), and removes it at the end. Abstract sockets have no file.
 */
#ifndef UNIX_FILE_H
#define UNIX_FILE_H

#include "endpoint.h"
#include "error.h"

#include <stdbool.h>
#include <sys/types.h>

/* Who may connect. */
struct unix_rights {
    mode_t mode;
    uid_t user;  /* (uid_t)-1: the supervisor's own */
    gid_t group; /* (gid_t)-1: the supervisor's own, or the directory's */
};

/* Identifies the file, so that only our own is removed. */
struct unix_file {
    dev_t device;
    ino_t inode;
    bool is_made; /* false: there is none */
};

/* Removes a socket that a dead server left at this path. Returns 0, also if nothing is there; or -1
   if the path has something that we must not remove, such as another user's link (trusted_path.h)
   or another kind of file, and `error` says what. */
int unix_file_clear(const struct endpoint *endpoint, struct error *error);

/* Binds `fd`, which makes the file, and gives it its rights. Returns 0; -1 with errno when bind
   failed and `error` is untouched; -1 with errno 0 when the rights could not be given and `error`
   says why; then `file` is to be removed. */
int unix_file_bind(int fd, const struct endpoint *endpoint, const struct unix_rights *rights,
                   struct unix_file *file, struct error *error);

/* Whether it is still the file at that path. */
bool unix_file_is_there(const struct unix_file *file, const char *path);

/* Whether a file has these rights, as far as they say anything. */
bool unix_file_has_rights(const char *path, const struct unix_rights *rights);

/* Removes the file if it is still the one that was made here. */
void unix_file_remove(struct unix_file *file, const char *path);

#endif
