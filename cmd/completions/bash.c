#include "completions.h"

#include "command_table.h"

static void print_options(FILE *stream, const struct command *command)
{
    struct choice choice;
    fprintf(stream, "    %s) printf '%%s\\n'", command != NULL ? command->name : "run | check");
    for (int i = 0; choice_at(command, i, &choice); i++) {
        if (choice.name != NULL) {
            fprintf(stream, " '--%s%s'", choice.name,
                    choice.argument == REQUIRED   ? "="
                    : choice.argument == OPTIONAL ? "[=]"
                                                  : "");
        }
    }
    fprintf(stream, " ;;\n");
}

static void print_values(FILE *stream)
{
    static const char *const sources[] = {
        [VALUE_FREE] = "",     [VALUE_FILE] = "file",   [VALUE_DIRECTORY] = "directory",
        [VALUE_USER] = "user", [VALUE_GROUP] = "group", [VALUE_SHELL] = "shell"};
    struct choice choice;
    for (int i = 0; choice_at(NULL, i, &choice); i++) {
        struct value value;
        value_of(&choice, &value);
        if (value.source != VALUE_FREE || value.words[0] != '\0') {
            fprintf(stream, "    --%s) words='%s' kind=%s source=%s ;;\n", choice.name, value.words,
                    value.is_list ? "list" : "one", sources[value.source]);
        }
    }
}

void print_bash(FILE *stream, enum personality personality)
{
    const char *program = personality_name(personality);
    struct choice choice;
    bool has_commands = personality == PERSONALITY_TASUKI;
    fprintf(stream, "__%s_options() {\n  case $1 in\n", program);
    print_options(stream, NULL);
    for (int i = 0; has_commands && i < COMMANDS; i++) {
        print_options(stream, &command_rows[i]);
    }
    fprintf(stream, "  esac\n}\n\n__%s_value() {\n  words='' kind=one source=''\n  case $1 in\n",
            program);
    print_values(stream);
    fprintf(stream, "  esac\n}\n\n__%s_commands='", program);
    for (int i = 0; has_commands && i < COMMANDS; i++) {
        fprintf(stream, "%s ", command_rows[i].name);
    }
    fprintf(stream, "%s'\n__%s_signals='%s'\n__%s_repeatable='", has_commands ? "run check" : "",
            program, signal_words, program);
    for (int i = 0; choice_at(NULL, i, &choice); i++) {
        if (choice.repeatable) {
            fprintf(stream, "--%s ", choice.name);
        }
    }
    fprintf(stream, "'\n");
}
