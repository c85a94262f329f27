/*
 * The end of what a worker wrote to standard error, where that can be read back: when it is a
 * regular file (--log-file, or a shell's redirection). Nothing stands between the worker and its
 * log for this.
 */
#ifndef LAST_WORDS_H
#define LAST_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Room for the last words that are kept, and for the description of where output goes. */
#define LAST_WORDS_SIZE 4096
#define LAST_WORDS_OUTPUT_SIZE 256

/* A place in standard error's file. */
struct last_words_mark {
    dev_t device;
    ino_t inode;
    off_t end; /* -1: standard error was no regular file */
};

/* The end of the file now: what a worker that starts now says comes after it. */
struct last_words_mark last_words_mark(void);

/* Reads what was written after `mark`, at most the last `size` - 1 bytes of it, into `buffer`, with
   a NUL at the end. Returns the number of bytes, or -1 when there is no telling: also when standard
   error has become another file since, for the worker still writes to the one before. */
ssize_t last_words_read(const struct last_words_mark *mark, char *buffer, size_t size);

/* Where what a worker writes to standard error is to be found: the file, the journal (with the
   command that shows it), the terminal, or what else it is. `mark` is where its words began, NULL
   if that is not known. Returns `buffer`. */
const char *last_words_describe_output(const struct last_words_mark *mark, pid_t pid, char *buffer,
                                       size_t size);

/* True if these words complain of an address in use, in the words of one of the usual runtimes. */
bool last_words_mention_address_in_use(const char *words);

#endif
