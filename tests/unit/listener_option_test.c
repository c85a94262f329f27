/*
 * The options of an address: every row of the table, each value that it takes and those that it
 * refuses, and to which sockets it applies.
 */
#include "address.h"

#include "scratch.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

/* The address of a value of --path if it begins like one, else of --port. */
static int parse(const char *text, struct address *address, struct error *error)
{
    return *text == '/' || *text == '@' || *text == '.' ? address_parse_path(text, address, error)
                                                        : address_parse_port(text, address, error);
}

static void parse_well(const char *text, struct address *address)
{
    struct error error;
    if (parse(text, address, &error) != 0) {
        fail_msg("'%s' was refused: %s", text, error.text);
    }
}

static void values_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum listener_option_id id;
        int64_t number;
    } rows[] = {
        {"80,backlog=1", LISTENER_OPTION_BACKLOG, 1},
        {"80,backlog=2147483647", LISTENER_OPTION_BACKLOG, 2147483647},
        {"80, backlog = 7 ", LISTENER_OPTION_BACKLOG, 7},
        {"80=5,backlog=7", LISTENER_OPTION_BACKLOG, 7},
        {"*:80,backlog=7", LISTENER_OPTION_BACKLOG, 7},
        {"/x,mode=0660", LISTENER_OPTION_MODE, 0660},
        {"/x,mode=7", LISTENER_OPTION_MODE, 07},
        {"/x,mode=0", LISTENER_OPTION_MODE, 0},
        {"/x,mode=0777", LISTENER_OPTION_MODE, 0777},
        {"[::]:80,v6only", LISTENER_OPTION_V6ONLY, 1},
        {"[::]:80,v6only=no", LISTENER_OPTION_V6ONLY, 0},
        {"[::]:u80,v6only=off", LISTENER_OPTION_V6ONLY, 0},
        {"80,reuseport", LISTENER_OPTION_REUSEPORT, 1},
        {"u80,reuseport=yes", LISTENER_OPTION_REUSEPORT, 1},
        {"80,freebind=1", LISTENER_OPTION_FREEBIND, 1},
        {"80,nodelay=on", LISTENER_OPTION_NODELAY, 1},
        {"80,nodelay=false", LISTENER_OPTION_NODELAY, 0},
        {"80,defer-accept", LISTENER_OPTION_DEFER_ACCEPT, 1},
        {"80,defer-accept=0", LISTENER_OPTION_DEFER_ACCEPT, 0},
        {"80,defer-accept=30", LISTENER_OPTION_DEFER_ACCEPT, 30},
        {"80,fastopen=256", LISTENER_OPTION_FASTOPEN, 256},
        {"80,rcvbuf=4096", LISTENER_OPTION_RCVBUF, 4096},
        {"80,rcvbuf=64k", LISTENER_OPTION_RCVBUF, 65536},
        {"@x,sndbuf=2M", LISTENER_OPTION_SNDBUF, 2 * 1024 * 1024},
        {"80,mark=0x10", LISTENER_OPTION_MARK, 16},
        {"80,mark=4294967295", LISTENER_OPTION_MARK, 4294967295},
        {"/x,type=stream", LISTENER_OPTION_TYPE, SOCK_STREAM},
        {"/x,type=datagram", LISTENER_OPTION_TYPE, SOCK_DGRAM},
        {"@x,type=seqpacket", LISTENER_OPTION_TYPE, SOCK_SEQPACKET},
        {"80,nodelay,backlog=3,mark=5", LISTENER_OPTION_MARK, 5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address address;
        parse_well(rows[i].text, &address);
        const struct listener_value *value = listener_option_get(&address.options, rows[i].id);
        if (value == NULL || value->number != rows[i].number) {
            fail_msg("'%s' says something else", rows[i].text);
        }
    }
}

static void a_text_is_what_stands_there(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum listener_option_id id;
        const char *value;
    } rows[] = {
        {"/x,user=www-data,group=33", LISTENER_OPTION_USER, "www-data"},
        {"/x,user=www-data,group=33", LISTENER_OPTION_GROUP, "33"},
        {"80,device=eth0.1", LISTENER_OPTION_DEVICE, "eth0.1"},
        {"80,name=web http=1", LISTENER_OPTION_NAME, "web http=1"},
        {"80,device=0123456789abcde", LISTENER_OPTION_DEVICE, "0123456789abcde"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address address;
        parse_well(rows[i].text, &address);
        const struct listener_value *value = listener_option_get(&address.options, rows[i].id);
        assert_non_null(value);
        assert_int_equal(value->length, strlen(rows[i].value));
        assert_memory_equal(value->text, rows[i].value, value->length);
    }
}

static void a_comma_belongs_to_a_path_unless_an_option_follows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *path;
    } rows[] = {
        {"/a,b", "/a,b"},
        {"/a,b,mode=0600", "/a,b"},
        {"/a,b c=d", "/a,b c=d"},
        {"/a,b/c=d,mode=1", "/a,b/c=d"},
        {"/a,", "/a,"},
        {"/a,,type=stream", "/a,"},
        {"/a=3,type=datagram", "/a=3"},
        {"./@a,modes", "./@a,modes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address address;
        parse_well(rows[i].text, &address);
        if (address.length != strlen(rows[i].path) ||
            memcmp(address.text, rows[i].path, address.length) != 0) {
            fail_msg("'%s' became '%.*s'", rows[i].text, address.length, address.text);
        }
    }
}

static void an_abstract_address_has_the_name_behind_the_at_sign(void **state)
{
    (void)state;
    struct address address;
    struct error error;
    char text[ADDRESS_PATH_MAX + 3];
    parse_well("@name,type=seqpacket", &address);
    assert_int_equal(address.kind, ADDRESS_ABSTRACT);
    assert_int_equal(address.socket_type, SOCK_SEQPACKET);
    assert_int_equal(address.length, 4);
    assert_memory_equal(address.text, "name", 4);

    memset(text, 'n', sizeof text);
    text[0] = '@';
    text[ADDRESS_PATH_MAX + 1] = '\0';
    assert_int_equal(address_parse_path(text, &address, &error), 0);
    text[ADDRESS_PATH_MAX + 1] = 'n';
    text[ADDRESS_PATH_MAX + 2] = '\0';
    assert_int_equal(address_parse_path(text, &address, &error), -1);
}

static void mistakes_are_refused_and_the_reason_said(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {"80,bakclog=1", "unknown socket option 'bakclog'; did you mean backlog?"},
        {"/x,moed=0600", "'moed'; did you mean mode?"},
        {"/x,b=c", "'b' (see --help)"},
        {"80,81", "'81' (see --help)"},
        {"80,NODELAY", "'NODELAY' (see --help)"},
        {"/x,mode=0600,junk", "unknown socket option 'junk'"},
        {"80,=1", "expected a socket option"},
        {"80,", "after the comma, got nothing"},
        {"80,nodelay,,mark=1", "after the comma, got nothing"},
        {"/x,mode=0600,", "after the comma, got nothing"},
        {"80,backlog", "backlog: expected a number from 1 to 2147483647, got nothing"},
        {"80,backlog=", "from 1 to 2147483647, got nothing"},
        {"80,backlog=0", "from 1"},
        {"80,backlog=2147483648", "from 1 to 2147483647"},
        {"80,backlog=99999999999999999999", "from 1 to 2147483647"},
        {"80,backlog=-1", "from 1"},
        {"80,backlog=1x", "from 1"},
        {"80,mark=0x", "mark: expected a number from 0 to 4294967295, got '0x"},
        {"80,mark=0x100000000", "mark: expected a number from 0 to 4294967295, got '0x"},
        {"80,rcvbuf=k", "rcvbuf: expected a number from 1 to 1073741823, got '"},
        {"80,rcvbuf=4096M", "rcvbuf: expected a number from 1 to 1073741823, got '"},
        {"80,rcvbuf=0", "rcvbuf: expected a number from 1 to 1073741823, got '"},
        {"/x,mode=888", "an octal number from 0 to 0777"},
        {"/x,mode=1777", "an octal number from 0 to 0777"},
        {"/x,mode=rw", "an octal number"},
        {"/x,mode", "an octal number"},
        {"80,nodelay=maybe", "nodelay: expected yes or no, got "},
        {"80,nodelay=", "nodelay: expected yes or no, got "},
        {"80,nodelay,nodelay=no", "nodelay: given twice"},
        {"/x,type=raw", "expected stream, datagram or seqpacket"},
        {"/x,user=", "user: expected 1 to 255 characters, got nothing"},
        {"80,device=0123456789abcdef", "device: expected 1 to 15 characters"},
        {"80,name=a:b", "without a colon"},
        {"80,name=\xc3\xa4", "ASCII"},
        {"@", "a name after the @"},
        {"@,type=stream", "a name after the @"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address address;
        struct error error = {""};
        if (parse(rows[i].text, &address, &error) != -1) {
            fail_msg("'%s' was taken", rows[i].text);
        }
        assert_text_has(error.text, rows[i].reason);
    }
}

static void an_option_that_does_not_apply_says_to_what_it_does(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {"80,mode=0600", "mode applies to unix sockets with a path, not to TCP on IPv4"},
        {"[::1]:u80,user=root", "user applies to unix sockets with a path, not to UDP on IPv6"},
        {"@x,mode=0600", "mode applies to unix sockets with a path, not to abstract unix sockets"},
        {"@x,group=0", "group applies to unix sockets with a path"},
        {"80,type=stream", "type applies to unix sockets, not to TCP"},
        {"80,v6only", "v6only applies to [IPV6]:PORT, not to TCP on IPv4"},
        {"*:80,v6only", "v6only applies to [IPV6]:PORT, not to TCP on *:PORT"},
        {"u80,backlog=5", "backlog applies to sockets that accept connections, not to UDP"},
        {"/x,type=datagram,backlog=5", "not to unix datagram sockets"},
        {"/x,backlog=5,type=datagram", "not to unix datagram sockets"},
        {"u80,nodelay", "nodelay applies to TCP, not to UDP on IPv4"},
        {"u80,fastopen=5", "fastopen applies to TCP"},
        {"/x,defer-accept", "defer-accept applies to TCP, not to unix stream"},
        {"/x,reuseport", "reuseport applies to TCP and UDP"},
        {"/x,device=lo", "device applies to TCP and UDP"},
        {"@x,mark=1", "mark applies to TCP and UDP"},
        {"/x,type=seqpacket,freebind", "freebind applies to TCP and UDP, not to unix seqpacket"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address address;
        struct error error = {""};
        if (parse(rows[i].text, &address, &error) != -1) {
            fail_msg("'%s' was taken", rows[i].text);
        }
        assert_text_has(error.text, rows[i].reason);
        assert_text_has(error.text, rows[i].text);
    }
}

/* What is bound; `name` says how a worker finds it. */
static bool have_same_options(const struct address *one, const struct address *other)
{
    for (int id = 0; id < LISTENER_OPTION_COUNT; id++) {
        if (id != LISTENER_OPTION_NAME &&
            !address_has_same_option(one, other, (enum listener_option_id)id)) {
            return false;
        }
    }
    return true;
}

static void assert_same(const char *one, const char *other, bool is_same, bool has_same_options)
{
    struct address a;
    struct address b;
    parse_well(one, &a);
    parse_well(other, &b);
    if (address_is_same(&a, &b) != is_same || have_same_options(&a, &b) != has_same_options ||
        have_same_options(&b, &a) != has_same_options) {
        fail_msg("'%s' and '%s'", one, other);
    }
}

static void equality_is_of_what_is_bound_and_of_its_options(void **state)
{
    (void)state;
    assert_same("80", "80", true, true);
    assert_same("80", "81", false, true);
    assert_same("80", "u80", false, true);
    assert_same("80", "0.0.0.0:80", false, true); /* they are called by other names */
    assert_same("80=3", "080=4", true, true);
    assert_same("a:80", "ab:80", false, true);
    assert_same("/x", "@/x", false, true);
    assert_same("/x", "/x,type=datagram", false, false);
    assert_same("80,nodelay", "80,nodelay=yes", true, true);
    assert_same("80,nodelay,mark=1", "80,mark=0x1,nodelay", true, true);
    assert_same("80,nodelay", "80", true, false);
    assert_same("80,name=a", "80,name=b", true, true);
    assert_same("/x,user=a", "/x,user=ab", true, false);
    assert_same("/x,user=a", "/x,user=a", true, true);
}

static void every_option_has_its_words(void **state)
{
    (void)state;
    for (int i = 0; i < LISTENER_OPTION_COUNT; i++) {
        const struct listener_option_row *row = &listener_option_rows[i];
        assert_non_null(row->name);
        assert_non_null(row->value);
        assert_non_null(row->applies_to);
        assert_non_null(row->help);
        assert_true(row->classes != 0);
        assert_true(row->alone < 0 || (row->alone >= row->least && row->alone <= row->most));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_understood),
        cmocka_unit_test(a_text_is_what_stands_there),
        cmocka_unit_test(a_comma_belongs_to_a_path_unless_an_option_follows),
        cmocka_unit_test(an_abstract_address_has_the_name_behind_the_at_sign),
        cmocka_unit_test(mistakes_are_refused_and_the_reason_said),
        cmocka_unit_test(an_option_that_does_not_apply_says_to_what_it_does),
        cmocka_unit_test(equality_is_of_what_is_bound_and_of_its_options),
        cmocka_unit_test(every_option_has_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
