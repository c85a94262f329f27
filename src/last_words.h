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

/* The end of standard error's file now: what a worker that starts now says comes after it. -1 when
   standard error is not a regular file that can be read. */
off_t last_words_mark(void);

/* Reads what was written after `mark`, at most the last `size` - 1 bytes of it, into `buffer`, with
   a NUL at the end. Returns the number of bytes, or -1 when there is no telling. */
ssize_t last_words_read(off_t mark, char *buffer, size_t size);

/* True if these words complain of an address in use, in the words of one of the usual runtimes. */
bool last_words_mention_address_in_use(const char *words);

#endif
