#!/bin/bash
# What is made of a server's certificates: by its TLSA records, and by public authorities for a policy.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"
JOB_HOST=mx%d.example.test
"$TOP/t/world/certs" "$T/certs" mx1.example.test
printf 'hostname = "client.test"\nca-file = "%s/certs/ca.pem"\ntimeouts { quit = "1s" }\n' "$T" >mox.conf
for c in good whole bare direct self selfexpired expired future other wildcard cnonly ip foreign client badsig; do
	mx $c <<S
== repeat
cert $T/certs/$c
keywords STARTTLS
S: 220 mx.test
accept
S
done

# row "name" CERTIFICATE DEMAND "TLSA; TLSA" STS-MODE FATE RESULTS: a TLSA is U S M CERTIFICATE [N]; `tls` or the code of later; the results
# of policies, TLSA first.
rows=()
row() {
	local n=$((${#rows[@]} + 1)) v=PORT_$2 line
	local IFS=\;
	JOB_TLSA='' JOB_LINES='' JOB_SENDER=s$n@client.test
	for line in $4; do
		# shellcheck disable=SC2046
		JOB_TLSA+="tlsa $(IFS=' ' && set -- $line && "$TOP/t/world/tlsa" "certs/$4.pem" "$1" "$2" "$3" ${5+"$5"})"$'\n'
	done
	IFS=' '
	[ -z "$JOB_TLSA" ] || printf -v JOB_TLSA '%stlsa 1 1 1 %064x' "$JOB_TLSA" "$n" # no use, and no other row's connection fits
	[ -z "$5" ] || JOB_LINES="sts $5 domain=row$n.test id=1 max-age=86400 mx=mx1.example.test"
	job "r$n" "${!v}/$3" -- "a@row$n.test"
	rows+=("$1|$6|$7|$2")
}
# ---- DANE ----
row "T11 usage 3: key matches; signed by itself, expired: fine" selfexpired dane "3 1 1 selfexpired" "" tls ok
row "T11 another name: fine" other dane "3 0 1 other" "" tls ok
row "another key" good dane "3 1 1 other" "" 4.7.5 validation-failure
row "T12 usage 2: chain and name" good dane "2 0 1 mid" "" tls ok
row "T12 the anchor's key" good dane "2 1 1 mid" "" tls ok
row "T12 the same anchor, another name" other dane "2 0 1 mid" "" 4.7.5 certificate-host-mismatch
row "T12 expired" expired dane "2 0 1 mid" "" 4.7.5 certificate-expired
row "T12 the anchor stands there and has not signed" badsig dane "2 0 1 mid" "" 4.7.5 certificate-not-trusted
row "T13 the root is in the chain alone" whole dane "2 0 1 ca" "" tls ok
row "T13 the root is not shown: a digest does not do" good dane "2 0 1 ca" "" 4.7.5 validation-failure
row "T13 the root is not shown: the whole certificate does" good dane "2 0 0 ca" "" tls ok
row "T14 a full key that has signed nothing here" good dane "2 1 0 foreign-ca" "" 4.7.5 validation-failure
row "T15 usage 1 does not count, although it matches" good dane "1 1 1 good" "" 4.7.5 tlsa-invalid
row "T15 T16 dane-unusable: anybody" self dane-unusable "1 1 1 good;0 0 1 ca" "" tls tlsa-invalid
row "T17 one of several" good dane "1 1 1 good;3 1 1 other;3 1 1 good;3 0 1 other" "" tls ok
row "T17 full data" good dane "3 0 0 good" "" tls ok
row "T18 the stronger digest alone counts" good dane "3 1 1 good;3 1 2 other" "" 4.7.5 validation-failure
row "T18 and matches" good dane "3 1 1 other;3 1 2 good" "" tls ok
# ---- authorities ----
row "an authority speaks for the host" good sts "" enforce tls ok
row "the root itself" direct sts "" enforce tls ok
row "the root is shown, too" whole sts "" enforce tls ok
row "a wildcard" wildcard sts "" enforce tls ok
row "T35 no way to the root" bare sts "" enforce 4.7.5 certificate-not-trusted
row "T35 signed by itself" self sts "" enforce 4.7.5 certificate-not-trusted
row "T35 signed by itself and expired: expired is told" selfexpired sts "" enforce 4.7.5 certificate-expired
row "T35 expired" expired sts "" enforce 4.7.5 certificate-expired
row "T35 not valid yet" future sts "" enforce 4.7.5 certificate-not-trusted
row "T35 T45 another name" other sts "" enforce 4.7.5 certificate-host-mismatch
row "T29 the name is CN alone" cnonly sts "" enforce 4.7.5 certificate-host-mismatch
row "an address alone" ip sts "" enforce 4.7.5 certificate-host-mismatch
row "T35 an authority nobody trusts" foreign sts "" enforce 4.7.5 certificate-not-trusted
row "for clients" client sts "" enforce 4.7.5 certificate-not-trusted
row "a bit of the signature turned" badsig sts "" enforce 4.7.5 certificate-not-trusted
for c in expired other foreign; do
	case $c in expired) r=certificate-expired ;; other) r=certificate-host-mismatch ;; *) r=certificate-not-trusted ;; esac
	row "T36 testing, $c: delivered and counted" $c may "" testing tls $r
	row "T66 lenient, $c: delivered and counted" $c may "3 1 1 mid" enforce tls "validation-failure $r"
done
row "T37 mode none: no policy" self may "" none tls ok
# ---- both ----
row "T43 both hold" good dane+sts "3 1 1 good" enforce tls "ok ok"
row "T43 a key that matches under another name: DANE decides" other dane+sts "3 1 1 other" enforce tls "ok certificate-host-mismatch"
row "T43 a failing DANE is not saved by the policy" good dane+sts "3 1 1 other" enforce 4.7.5 "validation-failure ok"

for ((i = 1; i <= ${#rows[@]}; i++)); do all+=("r$i"); done
timeout 60 fake-runq -k "${all[@]/%/.job}" >report 2>deliver.log || diag <deliver.log
for ((i = 1; i <= ${#rows[@]}; i++)); do
	IFS='|' read -r name fate results c <<<"${rows[i - 1]}"
	read -r word _ code _ <<<"$(fate "r$i" 1)"
	[ "$word" = sent ] && code=tls
	[ "$word" = never ] && code=never
	is "$name" "$code: $(said "r$i" tls | sort -r | cut -d' ' -f3 | paste -sd' ')" "$fate: $results"
	seen=$(grep -l "^C: MAIL FROM:<s$i@" "$c".d/*.log | head -1)
	if [ "$fate" = tls ]; then
		[[ -n $seen && $(grep -m1 -e '^TLS ' -e '^C: MAIL' "$seen") == TLS* ]] || _report 1 "$name: MAIL in TLS"
	elif [ -n "$seen" ]; then _report 1 "$name: no MAIL"; fi
done
like "dane is told" "$(said r1 session)" ' verified=dane '
like "pkix is told" "$(said r19 session)" ' verified=pkix '
like "none is told" "$(said r34 session)" ' tls=TLS1.3 verified=none '
like "why it was not is told" "$(fate r26 1)" '^later 0 4\.7\.5 mx1\.example\.test\[127\.0\.0\.1\] the server is not proved to be mx1\.example\.test: the certificate has expired$'

# ---- names in the ClientHello ----
name_sent() { # "name" PORT/TLS NAME: in the next handshake of server good
	rm -f good.d/*
	job s "$2" -- a@x.test
	deliver -k s
	is "$1" "$(sed -n 's/^TLS [^ ]* //p' good.d/*.log)" "$3"
}
JOB_LINES='' JOB_TLSA='' JOB_SENDER=s@client.test
name_sent "T44 the MX host" "$PORT_good/must" mx1.example.test
JOB_TLSA="tlsa $("$TOP/t/world/tlsa" certs/good.pem 3 1 1)" JOB_HOP=base=tlsa.example.test
name_sent "T20 the TLSA base" "$PORT_good/dane" tlsa.example.test
like "T20 which is the policy domain, too" "$(said s tls)" '^tlsa tlsa\.example\.test ok .*mx=mx1\.example\.test '
JOB_LINES='sts enforce domain=x.test id=1 max-age=86400 mx=*.example.test' JOB_TLSA="tlsa 1 1 1 00"
name_sent "T44 the MX host, for a policy beside records that cannot be used" "$PORT_good/sts" mx1.example.test
like "T44 and gets its certificate" "$(fate s 1)" '^sent '
JOB_LINES='' JOB_TLSA='' JOB_HOP='' JOB_HOST='[127.0.0.1]'
name_sent "none for a literal" "$PORT_good/may" -
JOB_HOST=mx%d.xn--bcher-kva.test
name_sent "T26 an A-label" "$PORT_good/may" mx1.xn--bcher-kva.test
JOB_HOST=mx%d.example.test

# ---- T101: nothing judged for one message serves another ----
JOB_LINES=''
job j "$PORT_self/must" -- a@x.test
JOB_LINES='sts enforce domain=x.test id=1 max-age=86400 mx=mx1.example.test'
job k "$PORT_self/sts" -- a@x.test
deliver -k j k
is "T101 a connection with anybody is not kept for a policy" "$(fate j 1 | cut -c1-4) $(fate k 1 | cut -d' ' -f1,3)" "sent later 4.7.5"
job j "$PORT_good/sts" -- a@x.test
JOB_LINES=${JOB_LINES/id=1/id=2}
job k "$PORT_good/sts" -- a@x.test
job l "$PORT_good/sts" -- b@x.test
deliver -k j k l
is "T101 nor under another policy, but under the same" "$(for j in j k l; do said $j session | grep -o 'reused=[a-z]*'; done | paste -sd' ')" \
	"reused=no reused=no reused=yes"
cp certs/foreign-ca.pem changing.pem
sed "s|^ca-file.*|ca-file = \"$T/changing.pem\"|" mox.conf >changing.conf
deliver -k -C changing.conf -x "cp '$T/certs/ca.pem' '$T/changing.pem'" j k
is "authorities that changed are read again" "$(fate j 1 | cut -d' ' -f1,3) $(fate k 1 | cut -c1-4)" "later 4.7.5 sent"
deliver -k -C changing.conf -x ": >'$T/changing.pem'" j k
is "unless there are none" "$(fate j 1 | cut -c1-4) $(fate k 1 | cut -c1-4)" "sent sent"
sed 's|^ca-file.*|ca-file = "/nonexistent"|' mox.conf >nobody.conf
deliver k
like "without authorities nobody is trusted" "$(fate k 1)" '^later 0 4\.7\.5 .*no certificate authorities$'
is "and nothing is counted: the fault is ours" "$(said k tls)" ""
deliver -k -C nobody.conf k
is "nor when there is no such file" "$(fate k 1 | cut -d' ' -f1,3)$(said k tls)" "later 4.7.5"
echo 1000000000 >ahead
MOX_TEST_CLOCK=$T/ahead deliver -k k
like "certificates are judged at the test clock's time" "$(fate k 1)" '^later 0 4\.7\.5 .*the certificate has expired$'

# ---- tls-minimum ----
old() { # VERSIONS: a server that has no others
	mx old <<S
== repeat
keywords STARTTLS
S: 220 mx.test
accept NORMAL:-VERS-ALL:$1
S
}
JOB_LINES=''
old +VERS-TLS1.1
job m "$PORT/must" -- a@x.test
deliver m
is "T44 TLS 1.1 is none" "$(fate m 1 | cut -d' ' -f1,3)" "later 4.7.5"
echo 'tls-minimum = "1.0"' >>mox.conf
deliver m
like "but with tls-minimum" "$(said m session)" 'tls=TLS1\.1 '
stop old
sed -i 's/tls-minimum = .*/tls-minimum = 1.3/' mox.conf
old +VERS-TLS1.2
job m "$PORT/must" -- a@x.test
job o "$PORT/may" -- a@x.test
deliver m o
is "tls-minimum 1.3 refuses 1.2, and plaintext stays where it may" "$(fate m 1 | cut -d' ' -f1,3) $(said o session | grep -o ' tls=[^ ]*')" "later 4.7.5  tls=none"
done_testing
