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

/* The end of standard error's file now: what a worker that starts now says comes after it. -1 when
   standard error is not a regular file that can be read. */
off_t last_words_mark(void);

/* Reads what was written after `mark`, at most the last `size` - 1 bytes of it, into `buffer`, with
   a NUL at the end. Returns the number of bytes, or -1 when there is no telling. */
ssize_t last_words_read(off_t mark, char *buffer, size_t size);

/* Where what a worker writes to standard error is to be found: the file, the journal (with the
   command that shows it), the terminal, or what else it is. Returns `buffer`. */
const char *last_words_describe_output(pid_t pid, char *buffer, size_t size);

/* True if these words complain of an address in use, in the words of one of the usual runtimes. */
bool last_words_mention_address_in_use(const char *words);

#endif
