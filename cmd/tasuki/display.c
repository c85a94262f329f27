#include "display.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DEFAULT_WIDTH = 80, LEAST_WIDTH = 20 };

/* console_codes(4): back to the first column, and delete to the end of the line. */
#define ERASE_LINE "\r\x1b[K"

int display_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return DEFAULT_WIDTH;
    }
    return size.ws_col < LEAST_WIDTH ? LEAST_WIDTH : size.ws_col;
}

void display_open(struct display *display)
{
    const char *terminal = getenv("TERM");
    *display = (struct display){.redraws = isatty(STDOUT_FILENO) && terminal != NULL &&
                                           *terminal != '\0' && strcmp(terminal, "dumb") != 0};
}

void display_clear(struct display *display)
{
    if (display->is_drawn) {
        fputs(ERASE_LINE, stdout);
        fflush(stdout);
        display->is_drawn = false;
    }
}

void display_print(struct display *display, const char *line)
{
    char clean[2048];
    snprintf(clean, sizeof clean, "%s", line);
    text_clean(clean);
    display_clear(display);
    puts(clean);
    fflush(stdout);
}

/* The last column stays free: some terminals wrap as soon as it is written to. */
void display_draw(struct display *display, const char *line)
{
    if (!display->redraws) {
        return;
    }
    char clean[2048];
    snprintf(clean, sizeof clean, "%s", line);
    text_clean(clean);
    text_cut(clean, display_width() - 1);
    fputs(ERASE_LINE, stdout);
    fputs(clean, stdout);
    fflush(stdout);
    display->is_drawn = true;
}
