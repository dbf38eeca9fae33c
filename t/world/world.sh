# shellcheck shell=bash disable=SC2034
# Sourced behind t/lib.sh: world_start starts t/world/start in $T/world and has its NSD stopped at the end. Sets WORLD_PORT; the `dns`
# section for a configuration is in $T/world/dns.conf. Records to add: $T/world/plain.add, $T/world/secure.add, written before.
world_start() {
	local p why
	PATH=$PATH:/usr/sbin command -v nsd >/dev/null || why=$("$TOP/t/peers/fetch" 2>&1 >/dev/null) || skip_all "$why"
	for p in ldns-signzone ldns-keygen drill; do
		PATH=$PATH:/usr/sbin command -v $p >/dev/null || skip_all "$p is not installed"
	done
	WORLD_PORT=$("$TOP/t/world/start" "$T/world") || {
		echo "Bail out! the DNS world does not start"
		exit 1
	}
	_pids+=("$(cat "$T/world/nsd.pid")")
}
