/*
 * Descriptors: closing them (and the streams and directories around them) when a scope ends, and
 * keeping the supervisor's own out of the numbers that workers get.
 */
#ifndef DESCRIPTOR_H
#define DESCRIPTOR_H

#include <dirent.h>
#include <stdio.h>

/* Closes *fd unless it is negative; errno stays. */
void descriptor_close(int *fd);

/* The same for a stream and a directory, unless they are NULL. */
void stream_close(FILE **stream);
void directory_close(DIR **directory);

/* Before a local: it is closed when its scope ends. */
#define AUTO_CLOSE __attribute__((cleanup(descriptor_close)))
#define AUTO_FCLOSE __attribute__((cleanup(stream_close)))
#define AUTO_CLOSEDIR __attribute__((cleanup(directory_close)))

/* Moves `fd` to a number of at least `floor`, close-on-exec; returns the new number, or `fd` where
   there is no room. */
int descriptor_raise(int fd, int floor);

/* Opens the pipe or terminal of `fd` for writing once more, without blocking: a description of its
   own, so that those who share `fd` still wait as they are used to. Its number is at least `floor`.
   Returns -1 where that is refused. */
int descriptor_open_again(int fd, int floor);

/* Opens /dev/null on those of 0, 1 and 2 that are closed, so that nothing else lands there, and
   makes every other inherited descriptor close-on-exec. */
void descriptors_sanitize(void);

#endif
