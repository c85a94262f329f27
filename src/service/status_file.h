/*
 * The status file: one line for each generation, "GENERATION:PID". It is replaced in one step, so a
 * reader never sees half of it. Only the process that wrote it removes it.
 */
#ifndef STATUS_FILE_H
#define STATUS_FILE_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct status_file {
    const char *path; /* the caller's; NULL: there is no status file */
    bool is_written;
    bool is_lost;   /* somebody else has put a file in its place: it is left to them */
    bool is_behind; /* the last text could not be written: it is to be tried again */
    dev_t device;   /* of what was written last, so that only our own is removed */
    ino_t inode;
};

/* Tests, without writing, whether the file's directory accepts a new file. Returns 0 or -1. */
int status_file_check(const struct status_file *status_file, struct error *error);

/* Replaces the content of the file by `text`. If that fails (such as on a full disk), it removes
   the old file, which would name dead processes and may take the space that is missing. A file that
   another process put there stays; that is an error once. Returns 0 or -1. */
int status_file_write(struct status_file *status_file, const char *text, size_t length,
                      struct error *error);

/* Removes the file, if it is still the one that was written here. */
void status_file_remove(struct status_file *status_file);

/* What a reader is told. */
struct status_generations {
    uint64_t newest;
    size_t count;
};

/* Reads a status file of either make. Returns 0 or -1. */
int status_file_read(const char *path, struct status_generations *generations, struct error *error);

#endif
