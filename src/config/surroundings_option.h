/*
 * The options for a worker's surroundings and its environment: what their values mean, and a setter
 * for each, as option_value.c has one for every option.
 */
#ifndef SURROUNDINGS_OPTION_H
#define SURROUNDINGS_OPTION_H

#include "options.h"

/* Each takes its option's value, which is NULL where one may be left out, into `options`, which
   keeps pointing to it. Returns 0, or -1 with what was expected. */
int set_user(struct options *options, const char *value, struct error *error);
int set_group(struct options *options, const char *value, struct error *error);
int set_supplementary_groups(struct options *options, const char *value, struct error *error);
int set_umask(struct options *options, const char *value, struct error *error);
int set_limit_nofile(struct options *options, const char *value, struct error *error);
int set_limit_core(struct options *options, const char *value, struct error *error);
int set_nice(struct options *options, const char *value, struct error *error);
int set_oom_score_adj(struct options *options, const char *value, struct error *error);
int set_no_new_privileges(struct options *options, const char *value, struct error *error);
int set_parent_death_signal(struct options *options, const char *value, struct error *error);
int set_environment(struct options *options, const char *value, struct error *error);
int set_clear_environment(struct options *options, const char *value, struct error *error);
int set_stdin(struct options *options, const char *value, struct error *error);

#endif
