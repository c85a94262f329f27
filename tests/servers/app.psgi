# The application for Starlet and Starman: one right answer, and which generation gave it.
use strict;
use warnings;

my $body = "a right answer\n";

sub {
    return [
        200,
        [
            'Content-Type'   => 'text/plain',
            'Content-Length' => length $body,
            'X-Generation'   => $ENV{SERVER_STARTER_GENERATION} // 'none',
        ],
        [$body],
    ];
};
