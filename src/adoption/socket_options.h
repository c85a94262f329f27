/*
 * The options of a socket that another one takes the place of: those that its program has set are
 * carried over.
 */
#ifndef SOCKET_OPTIONS_H
#define SOCKET_OPTIONS_H

/* Sets on `to` what was set on `from`, as far as that differs from a new socket of its kind: what
   nobody asked for is not taken back. Options that only matter to bind(2) are left out. `from` may
   be -1: nothing is known, nothing is done. */
void socket_options_carry(int from, int to);

#endif
