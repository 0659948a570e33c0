# A client of the matrix on Mojolicious: mojolicious_client.pl URL SCENARIO [--deflate|--no-deflate]
use Mojo::Base -strict, -signatures;
use Digest::SHA qw(sha256_hex);
use Mojo::JSON qw(encode_json false true);
use Mojo::UserAgent;
use Mojo::Util qw(decode encode);
use Mojo::WebSocket qw(WS_CLOSE WS_CONTINUATION WS_PING WS_PONG WS_TEXT);

my ($url, $scenario, $option) = @ARGV;
my $deflate = ($option // '') ne '--no-deflate';

my $large_text = '0123456789abcdef' x (2**20 / 16);
my $every_byte = join '', map {chr} 0 .. 255;
my $fragmented = 'three fragments each';
my $done       = ['finish', 1000];

# What is done, each step once the answer to the one before has come.
my %steps = (
  'echo-small' => [[send => {text => encode 'UTF-8', "hello \x{e9}"}], [send => {binary => $every_byte}], $done],
  'echo-empty' => [[send => {text => ''}],          [send => {binary => ''}],                 $done],
  'echo-large' => [[send => {text => $large_text}], [send => {binary => $every_byte x 4096}], $done],
  'fragmented'     => [[fragments => $fragmented], $done],
  'from-fragments' => [[send => {text => $fragmented}], $done],
  'ping'           => [[send => [1, 0, 0, 0, WS_PING, 'are you there']], $done],
  'pinged'         => [[], $done],
  'client-closes'  => [['finish', 4001, 'bye']],
  'server-closes'  => [[send => {text => '3456 enough'}], []],
  'rejected'       => [],
);
my %paths = ('from-fragments' => '/fragments', 'pinged' => '/ping', 'server-closes' => '/close', 'rejected' => '/reject');
my @steps = @{$steps{$scenario} // die "no scenario $scenario\n"};

my %seen = (opened => false, status => undef, extensions => '', received => [], close => undef, pong => undef);

# Not within a message's handler: from there, "finish" would not wait for the server's Close.
sub next_step ($tx) {
  Mojo::IOLoop->next_tick(sub { take_step($tx) });
}

sub take_step ($tx) {
  my ($what, @rest) = @{shift @steps};
  if (!$what) { }
  elsif ($what eq 'fragments') {
    my @starts = map { int(length($rest[0]) * $_ / 3) } 0 .. 3;
    for my $i (0 .. 2) {
      my $third = substr $rest[0], $starts[$i], $starts[$i + 1] - $starts[$i];
      $tx->send([$i == 2, 0, 0, 0, $i ? WS_CONTINUATION : WS_TEXT, $third]);
    }
  }
  else { $tx->$what(@rest) }
}

sub saw_message ($tx, $type, $bytes) {
  push @{$seen{received}}, [$type, length $bytes, sha256_hex $bytes];
  next_step($tx);
}

my $ua = Mojo::UserAgent->new(max_connections => 0);    # none is kept alive
my $tx = $ua->build_websocket_tx($url . ($paths{$scenario} // '/echo'));
$tx->req->headers->sec_websocket_extensions('permessage-deflate') if $deflate;

$ua->start($tx => sub ($ua, $tx) {
  if (!$tx->is_websocket) {
    $seen{status} = 0 + $tx->res->code if $tx->res->code;
    return;
  }
  $seen{opened}     = true;
  $seen{extensions} = $tx->res->headers->sec_websocket_extensions // '';
  $tx->max_websocket_size(4 * 1024 * 1024);
  $tx->on(text   => sub ($tx, $bytes) { saw_message($tx, 'text',   $bytes) });
  $tx->on(binary => sub ($tx, $bytes) { saw_message($tx, 'binary', $bytes) });

  # Not from "finish": that tells one's own code if it was the client that closed.
  $tx->on(frame => sub ($tx, $frame) {
    my ($opcode, $payload) = @$frame[4, 5];
    if ($opcode == WS_PONG) {
      $seen{pong} = $payload;
      next_step($tx) if $scenario eq 'ping';
    }
    elsif ($opcode == WS_CLOSE) {
      $seen{close} = length $payload ? [unpack('n', $payload), decode 'UTF-8', substr $payload, 2] : [1005, ''];
    }
  });
  take_step($tx);
});

# Until the connection is gone: at "finish" the last frame may not have been written yet.
Mojo::IOLoop->start;
say encode_json \%seen;
