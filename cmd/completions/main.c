#include "completions.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    void (*print)(FILE *stream, enum personality personality);
} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

enum { SHELLS = 3 };

/* A line of the template: the program's name where @PROGRAM@ stands, the tables where @TABLES@
 * does.
 */
static void print_line(const char *line, int shell, enum personality personality)
{
    static const char mark[] = "@PROGRAM@";
    if (strcmp(line, "@TABLES@\n") == 0) {
        shells[shell].print(stdout, personality);
        return;
    }
    const char *place;
    for (; (place = strstr(line, mark)) != NULL; line = place + sizeof mark - 1) {
        printf("%.*s%s", (int)(place - line), line, personality_name(personality));
    }
    printf("%s", line);
}

static int print_script(int shell, enum personality personality, const char *template_path)
{
    FILE *template = fopen(template_path, "re");
    if (template == NULL) {
        perror(template_path);
        return 1;
    }
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, template) > 0) {
        print_line(line, shell, personality);
    }
    free(line);
    fclose(template);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

int main(int argc, char *argv[])
{
    for (int shell = 0; argc == 4 && shell < SHELLS; shell++) {
        if (strcmp(argv[1], shells[shell].name) == 0) {
            return print_script(shell, personality_of(argv[2]), argv[3]);
        }
    }
    fprintf(stderr, "usage: completions bash|zsh|fish tasuki|start_server TEMPLATE\n");
    return 2;
}
