/*
 * Descriptors: closing them when a scope ends, and keeping the supervisor's own out of the numbers
 * that workers get.
 */
#ifndef DESCRIPTOR_H
#define DESCRIPTOR_H

/* For __attribute__((cleanup)): closes *fd unless it is negative. */
void descriptor_close(int *fd);

#define AUTO_CLOSE __attribute__((cleanup(descriptor_close)))

/* Moves `fd` to a number of at least `floor`, close-on-exec; returns the new number, or `fd` where
   there is no room. */
int descriptor_raise(int fd, int floor);

/* Opens /dev/null on those of 0, 1 and 2 that are closed, so that nothing else lands there, and
   makes every other inherited descriptor close-on-exec. */
void descriptors_sanitize(void);

#endif
