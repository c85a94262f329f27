#include "fact.h"

#include "adoption.h"
#include "duration.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* So a fact is written whole or not at all, whoever else writes (pipe(7)). */
_Static_assert(sizeof(struct fact) <= PIPE_BUF, "a fact fits a pipe");

int fact_send(int fd, const struct fact *fact)
{
    ssize_t size;
    do {
        size = write(fd, fact, sizeof *fact);
    } while (size < 0 && errno == EINTR);
    return size == (ssize_t)sizeof *fact ? 0 : -1;
}

static bool is_about_listener(uint32_t kind)
{
    return kind >= FACT_TOOK;
}

static bool is_sound(const struct fact *fact, size_t listeners)
{
    return fact->kind >= FACT_READY && fact->kind < FACT_KINDS && fact->process >= 0 &&
           (!is_about_listener(fact->kind) || fact->listener < listeners) &&
           fact->asked <= NONBLOCKING && fact->ms >= 0 && fact->ms <= DURATION_MAX_MS;
}

int fact_receive(int fd, size_t listeners, struct fact *fact)
{
    ssize_t size;
    do {
        size = read(fd, fact, sizeof *fact);
    } while (size < 0 && errno == EINTR);
    if (size < 0 && errno == EAGAIN) {
        return 0;
    }
    if (size != (ssize_t)sizeof *fact || !is_sound(fact, listeners)) {
        return -1;
    }
    char text[sizeof fact->text];
    memcpy(text, fact->text, sizeof text);
    notify_clean_text(text, strnlen(text, sizeof text), fact->text);
    return 1;
}
