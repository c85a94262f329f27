/*
 * The options of a replaced socket: those that its program has set are copied to the new one.
 */
#ifndef SOCKET_OPTIONS_H
#define SOCKET_OPTIONS_H

/* Copies to `to` the options of `from` that differ from a new socket of its kind; other options of
   `to` stay as they are. Options that only matter to bind(2) are left out. If `from` is -1, nothing
   is copied. */
void socket_options_carry(int from, int to);

#endif
