package StarmanDrain;

# Makes Starman's graceful stop keep what it has accepted: starman -I tests/servers/lib -MStarmanDrain.
#
# Starman 0.4016 (on Net::Server::PreFork) tells its children to leave with HUP, and loses connections
# in two ways. A child that is not marked as connected leaves at once, but between accept() and that
# mark lie some hundred Perl operations: the connection is closed unread. And a child that waits for
# the request takes the interrupted read for an error and closes as well. Here HUP is blocked except
# inside of accept(), and its handler leaves only while nothing is accepted.

use strict;
use warnings;

use Net::Server::Proto::TCP ();
use POSIX                   ();
use Starman::Server         ();

my $hup = POSIX::SigSet->new( POSIX::SIGHUP() );
my $accepting;

# Overrides Net::Server::accept, for one listener. True: there is a connection to serve; false: the
# child ends.
sub Starman::Server::accept {
    my ($self) = @_;
    my $server   = $self->{server};
    my $listener = $server->{sock}[0];

    $SIG{HUP} = sub {
        $server->{SigHUPed} = 1;
        if ($accepting) {
            $accepting = 0;
            die "retire\n";
        }
    };

    until ( $server->{SigHUPed} ) {
        my $client = Net::Server::Proto::TCP->new;

        # Perl runs a handler between two operations, never inside of one: when the handler ends
        # this block, $client is open if and only if accept was faster.
        eval {
            $accepting = 1;
            POSIX::sigprocmask( POSIX::SIG_UNBLOCK(), $hup );
            CORE::accept( $client, $listener ) unless $server->{SigHUPed};
            $accepting = 0;
        };
        POSIX::sigprocmask( POSIX::SIG_BLOCK(), $hup );
        if ( defined fileno $client ) {
            $client->NS_port( $listener->NS_port );
            $server->{client} = $client;
            return 1;
        }
        last unless $server->{SigHUPed} || $!{EINTR} || $!{ECONNABORTED};
    }
    return 0;
}

1;
