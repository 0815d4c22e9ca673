# A model's server in a language that a small Debian has: it says what was asked of it.
use strict;
use warnings;
use IO::Socket::INET;

my $server = IO::Socket::INET->new(LocalPort => 5000, Listen => 5, ReuseAddr => 1) or die $!;
while (my $client = $server->accept) {
    my ($start, $length) = (scalar(<$client>), 0);
    next unless defined $start;
    while (my $line = <$client>) {
        $length = $1 if $line =~ /^content-length: *(\d+)/i;
        last if $line eq "\r\n";
    }
    read($client, my $body, $length);
    my ($method, $path) = split / /, $start;
    my $answer = "$method $path $length";
    my $size = length $answer;
    print $client "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n";
    print $client "Content-Length: $size\r\nConnection: close\r\n\r\n$answer";
    close $client;
}
