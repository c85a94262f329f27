#include "syslog_socket.h"

#include "descriptor.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

static bool open_socket(struct syslog_socket *syslog)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(syslog->path);
    if (length >= sizeof address.sun_path) {
        return false;
    }
    memcpy(address.sun_path, syslog->path, length);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        descriptor_close(&fd);
        return false;
    }
    syslog->fd = descriptor_raise(fd, syslog->floor);
    return true;
}

static bool send_once(const struct syslog_socket *syslog, const char *message, size_t length)
{
    ssize_t sent;
    do {
        sent = send(syslog->fd, message, length, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

bool syslog_socket_send(struct syslog_socket *syslog, const char *message, size_t length)
{
    if (syslog->fd >= 0) {
        if (send_once(syslog, message, length)) {
            return true;
        }
        if (errno == EAGAIN || errno == ENOBUFS) {
            return false; /* stalled; a new connection would have the same queue */
        }
        syslog_socket_close(syslog); /* the daemon has been started anew */
    }
    return open_socket(syslog) && send_once(syslog, message, length);
}

void syslog_socket_close(struct syslog_socket *syslog)
{
    descriptor_close(&syslog->fd);
    syslog->fd = -1;
}

int syslog_facility_parse(const char *name)
{
    static const struct {
        const char *name;
        int facility;
    } facilities[] = {
        {"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV}, {"cron", LOG_CRON},
        {"daemon", LOG_DAEMON}, {"ftp", LOG_FTP},           {"lpr", LOG_LPR},
        {"mail", LOG_MAIL},     {"news", LOG_NEWS},         {"syslog", LOG_SYSLOG},
        {"user", LOG_USER},     {"uucp", LOG_UUCP},         {"local0", LOG_LOCAL0},
        {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2},     {"local3", LOG_LOCAL3},
        {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},     {"local6", LOG_LOCAL6},
        {"local7", LOG_LOCAL7},
    };
    for (size_t i = 0; i < sizeof facilities / sizeof facilities[0]; i++) {
        if (strcmp(name, facilities[i].name) == 0) {
            return facilities[i].facility;
        }
    }
    return -1;
}
