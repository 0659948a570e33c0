# A server of the matrix on Mojolicious: mojolicious_server.pl [PORT] [--no-deflate]
use Mojolicious::Lite -signatures;
use Mojo::Server::Daemon;
use Mojo::WebSocket qw(WS_CONTINUATION WS_PING WS_PONG WS_TEXT);

my $deflate = !grep { $_ eq '--no-deflate' } @ARGV;
my ($port)  = grep {/^\d+$/} @ARGV;

websocket '/reject' => sub ($c) { $c->render(text => "no entry\n", status => 403) };

websocket '/:name' => sub ($c) {
  my $path = $c->param('name');
  $c->tx->with_compression if $deflate;
  $c->tx->max_websocket_size(4 * 1024 * 1024);
  if ($path eq 'ping') {
    $c->tx->on(frame => sub ($tx, $frame) { $tx->send("pong: $frame->[5]") if $frame->[4] == WS_PONG });
    $c->send([1, 0, 0, 0, WS_PING, 'are you there']);
  }
  $c->on(text => sub ($c, $text) {
    if ($path eq 'close') {
      my ($code, $reason) = split / /, $text, 2;
      $c->finish($code, $reason);
    }
    elsif ($path eq 'fragments') {
      # Frames made by hand are sent as they are: not compressed.
      my @starts = map { int(length($text) * $_ / 3) } 0 .. 3;
      for my $i (0 .. 2) {
        my $third = substr $text, $starts[$i], $starts[$i + 1] - $starts[$i];
        $c->send([$i == 2, 0, 0, 0, $i ? WS_CONTINUATION : WS_TEXT, $third]);
      }
    }
    else { $c->send({text => $text}) }
  });
  $c->on(binary => sub ($c, $bytes) { $c->send({binary => $bytes}) });
};

app->log->level('warn');
my $daemon = Mojo::Server::Daemon->new(
  app    => app,
  listen => ['http://127.0.0.1' . ($port ? ":$port" : '')],
  silent => 1
)->start;
$| = 1;
say 'listening on ', $daemon->ports->[0];
Mojo::IOLoop->start;
