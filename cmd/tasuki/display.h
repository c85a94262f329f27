/*
 * Standard output as a place to follow something: lines that stay and, on a terminal, a last line
 * that changes. Control characters are removed first.
 */
#ifndef DISPLAY_H
#define DISPLAY_H

#include <stdbool.h>

struct display {
    bool redraws;  /* standard output is a terminal that can */
    bool is_drawn; /* the changing line is there */
};

void display_open(struct display *display);

/* Prints a line that stays. */
void display_print(struct display *display, const char *line);

/* Draws the changing line, cut to the terminal's width; nothing where there is none. */
void display_draw(struct display *display, const char *line);

/* Takes the changing line away. */
void display_clear(struct display *display);

/* The width of standard output: the terminal's, or 80. */
int display_width(void);

#endif
