# log-events.pl FILE...: "event level,level" of every log line the sources write, sorted. An event that is a parameter is looked for where
# the function around it is called; its level is * when it depends.
use strict;
use warnings;
my %seen;
for my $file (@ARGV) {
	open my $f, '<', $file or die "$file: $!\n";
	my $text = join q(), <$f>;
	$text =~ s{/\*.*?\*/}{}gs;
	my $all = $text;
	while ($text =~ /\blog_open\(([^;]*?)\)\s*[;,]/g) {
		my ($args, $at) = ($1, pos $text);
		next if $args =~ /^enum /;
		my @levels = map { lc } $args =~ /LOG_([A-Z]+)/g;
		my @events = $args =~ /"([a-z0-9-]+)"/g;
		if (!@events) {
			my ($around) = substr($text, 0, $at) =~ /.*^([a-z_0-9]+)\(/ms;
			@levels = ('*') if @levels > 1;
			@events = map { /"([a-z0-9-]+)"/g } $all =~ /\b\Q$around\E\(([^;{]*?)\);/g;
		}
		die "$file: an event without a name or level: log_open($args)\n" unless @levels && @events;
		for my $e (@events) { $seen{$e}{$_} = 1 for @levels }
	}
}
my %rank = (debug => 0, info => 1, warn => 2, alert => 3, '*' => 4);
print "$_ ", join(',', sort { $rank{$a} <=> $rank{$b} } keys %{$seen{$_}}), "\n" for sort keys %seen;
