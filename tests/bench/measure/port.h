/*
 * Ports of 127.0.0.1 for the programs measured. None is handed out twice, since several programs
 * live at a time.
 */
#ifndef BENCH_PORT_H
#define BENCH_PORT_H

/* The next port that nobody has; ends the benchmark if there is none. */
int port_take(void);

#endif
