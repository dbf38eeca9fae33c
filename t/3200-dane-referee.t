#!/bin/bash
# OpenSSL's judgement of every row of t/unit/trust-dane.c: the same chain, records and names. A row where it differs from
# ours says so there, and man/mox-deviations.7 says why.
. "$(dirname "$0")/lib.sh"
command -v openssl >/dev/null || skip_all "no openssl"
command -v python3 >/dev/null || skip_all "no python3"
mkdir rows
"$MOX_OUT/t/unit/trust-dane" "$T/rows" || skip_all "the table cannot be written"

# What OpenSSL must say of our verdict: its number, or any failure.
number() {
	case $1 in
	leaf | anchor*) echo 0 ;;
	expired) echo 10 ;;
	host-mismatch) echo 62 ;;
	*) echo '[1-9][0-9]*|none' ;;
	esac
}

dial() { : <>"/dev/tcp/127.0.0.1/$PORT"; }
serving= # DIR: a server that shows its chain
serve() {
	[ -n "$serving" ] && cmp -s "$1/leaf" "$serving/leaf" && cmp -s "$1/rest" "$serving/rest" && return
	[ -n "$serving" ] && stop server
	PORT=$(free_port)
	[ -s "$1/rest" ] && rest=(-cert_chain "$1/rest") || rest=()
	start server openssl s_server -accept "127.0.0.1:$PORT" -cert "$1/leaf" -key "$1/key" "${rest[@]}" \
		-cipher DEFAULT@SECLEVEL=0 -quiet
	serving=$1
	wait_until dial || diag <server.log
}

judge() { # DIR NAME: the number of the best verdict, or none
	local args=() r
	while read -r r; do args+=(-dane_tlsa_rrdata "$r"); done <"$1/records"
	openssl s_client -connect "127.0.0.1:$PORT" -no-CAfile -no-CApath -no-CAstore -dane_tlsa_domain "$2" "${args[@]}" \
		-dane_ee_no_namechecks </dev/null >client.log 2>&1
	r=$(sed -n 's/^ *Verify return code: \([0-9]*\).*/\1/p' client.log | head -1)
	echo "${r:-none}"
}

# Rows of one chain stand together, so that one server does for them.
for d in $(cd rows && grep -n . ./*/chain | sort -t: -k3 | cut -d/ -f2); do
	{ read -r what && read -r chain && read -r names && read -r want; } <"rows/$d/row"
	[ -n "$names" ] || continue # OpenSSL then asks for no name at all
	serve "rows/$d"
	got=none
	for n in $names; do
		v=$(judge "rows/$d" "$n")
		[ "$v" = none ] || [ "$got" = 0 ] || got=$v
	done
	case $want in
	'!'*) unlike "$what: OpenSSL says otherwise ($got)" "$got" "^($(number "${want#!}"))$" ;;
	*) like "$what: $want" "$got" "^($(number "$want"))$" ;;
	esac || echo "chain: $chain, names: $names" | diag
done
done_testing
