/*
 * The small files of /proc (proc(5)): reads the beginning of one, as text. A stream would do, too,
 * but streams and scanf keep a good part of the C library in a supervisor's memory.
 */
#ifndef PROC_FILE_H
#define PROC_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads /proc/PID/NAME into `text`, cut short if it is longer, and ended by a NUL. Returns the
   length, or -1 where there is no such process or file. */
ssize_t proc_file_read(pid_t pid, const char *name, char *text, size_t size);

/* The number at the beginning of `text`; -1 if there is none. Blanks before it are skipped. */
int64_t proc_file_number(const char *text);

#endif
