/*
 * Whether a stream ends in the journal of systemd.
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stdbool.h>

/* True if `fd` is the very stream that JOURNAL_STREAM names (systemd.exec(5), sd_journal_print(3)):
   the variable alone says only that standard error was one when the service manager set it. */
bool journal_is_stream(int fd);

#endif
