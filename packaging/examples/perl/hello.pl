use strict;
use warnings;
use IO::Socket::INET;
use Server::Starter qw(server_ports);

my ($fd) = values %{ server_ports() };
my $listener = IO::Socket::INET->new_from_fd($fd, 'r') or die "descriptor $fd: $!";
my $is_stopping;
$SIG{TERM} = sub { $is_stopping = 1; close $listener };    # also ends a wait that is about to begin
until ($is_stopping) {
    my $client = $listener->accept or next;
    my $request = <$client>;
    print $client "HTTP/1.0 200 OK\r\n\r\ngeneration $ENV{SERVER_STARTER_GENERATION}\n";
    close $client;
}
