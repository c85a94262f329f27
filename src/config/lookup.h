/*
 * A lookup finds out what a configuration names and only others know: hosts, users and groups. They
 * may not answer, so a process aside asks them, and tries besides whether the files are within
 * reach that the supervisor is going to open, and whether a worker's surroundings can be had. What
 * it has found goes into the configuration, and every generation is started with that.
 */
#ifndef LOOKUP_H
#define LOOKUP_H

#include "aside.h"
#include "configuration.h"

/* Memory that the supervisor shares with the process. */
struct lookup;

/* What went wrong. */
enum lookup_failure { LOOKUP_SUCCEEDED, LOOKUP_OF_WORKER, LOOKUP_OF_LISTENERS };

/* Whether there is anything to look up; else a lookup finds nothing. */
bool lookup_is_needed(const struct options *options);

/* For aside_start: `function` runs on the lookup. Returns NULL when there is no memory. The options
   stay the caller's until lookup_free. */
struct lookup *lookup_new(const struct options *options);
void lookup_perform(void *lookup);

/* Takes the result into the options that it was made for; `problem` is why the process did not get
   to its end (NULL: it did). Unless it succeeded, the reason is in `error`. */
enum lookup_failure lookup_take(const struct lookup *lookup, const struct error *problem,
                                struct options *options, struct error *error);

/* Takes NULL. */
void lookup_free(struct lookup *lookup);

/* All of it before there is a loop. */
enum lookup_failure lookup_now(struct options *options, struct error *error);

#endif
