#!/bin/bash
# Every demand of DESIGN 10 against everything a server can do to STARTTLS, alone and with a second hop that is good.
. "$(dirname "$0")/lib.sh"
. "$TOP/t/mx.sh"
. "$TOP/t/dialogue.sh"
"$TOP/t/world/certs" "$T/certs" mx1.example.test mx2.example.test
printf 'hostname = "client.test"\nca-file = "%s/certs/ca.pem"\ntimeouts { quit = "1s" }\n' "$T" >mox.conf
tlsa=$("$TOP/t/world/tlsa" certs/good.pem 3 1 1)

# ---- the servers: what each does to STARTTLS ----
server() { # NAME CERTIFICATE ACCEPT [ON-STARTTLS]
	mx "$1" <<S
== repeat
cert $T/certs/$2
keywords ${KEYWORDS-STARTTLS, REQUIRETLS}
${4:+on STARTTLS => $4}
S: 220 mx.example.test
accept ${3-}
S
}
server offered good
KEYWORDS=REQUIRETLS server missing good '' '502 5.5.1 what?'
server refused454 good '' '454 4.7.0 no TLS today'
server refused554 good '' '554 5.7.0 no TLS here'
server broken good broken
server wrong self
server injected good '' '220 go\r\n250-mx.example.test\r\n250 REQUIRETLS'
server second good
how=(offered missing refused454 refused554 broken wrong injected)

# ---- what DESIGN 10 wants: tls, clear, or the code of `later` ----
fates='
demand         offered  missing  454      554      broken   wrong    injected
may            tls      clear    clear    clear    clear    tls      4.5.0
testing        tls      clear    clear    clear    clear    tls      4.5.0
lenient        tls      clear    clear    clear    clear    tls      4.5.0
must           tls      4.7.5    4.7.0    4.7.0    4.7.5    tls      4.5.0
dane-unusable  tls      4.7.5    4.7.0    4.7.0    4.7.5    tls      4.5.0
dane           tls      4.7.5    4.7.0    4.7.0    4.7.5    4.7.5    4.5.0
sts            tls      4.7.5    4.7.0    4.7.0    4.7.5    4.7.5    4.5.0
dane+sts       tls      4.7.5    4.7.0    4.7.0    4.7.5    4.7.5    4.5.0
requiretls     tls      4.7.5    4.7.0    4.7.0    4.7.5    4.7.5    4.5.0
'
# ---- and what is counted: n starttls-not-supported, v validation-failure, u tlsa-invalid, c certificate-not-trusted; a letter for
# each policy, TLSA first ----
counts='
demand         offered  missing  454      554      broken   wrong    injected
may            ok       n        n        n        v        ok       v
testing        ok       n        n        n        v        c        v
lenient        ok,ok    n,n      n,n      n,n      v,v      v,c      v,v
must           ok       n        n        n        v        ok       v
dane-unusable  u        n        n        n        v        u        v
dane           ok       n        n        n        v        v        v
sts            ok       n        n        n        v        c        v
dane+sts       ok,ok    n,n      n,n      n,n      v,v      v,c      v,v
requiretls     ok       n        n        n        v        c        v
'
cell() { # TABLE ROW COLUMN
	awk -v row="$2" -v col="$3" '$1 == row { print $(col + 1) }' <<<"$1"
}

# ---- a job for each cell; a number in its addresses and policy makes each one's connections its own ----
n=0
row_job() { # DEMAND HOP...
	local demand=$1 n_hex
	shift
	n=$((n + 1))
	printf -v n_hex '%064x' "$n"
	JOB_SENDER=s$n@client.test JOB_LINES='' JOB_TLSA='' JOB_HOST=mx%d.example.test
	local tls=$demand sts="domain=row$n.test id=1 max-age=86400 mx=mx1.example.test mx=*.example.test"
	case $demand in
	testing) tls=may JOB_LINES="sts testing $sts" ;;
	lenient) tls=may JOB_LINES=$'requiretls no\nsts enforce '"$sts" JOB_TLSA=$tlsa ;;
	dane) JOB_TLSA=$tlsa ;;
	dane-unusable) JOB_TLSA="0 0 1 $n_hex" ;;
	sts) JOB_LINES="sts enforce $sts" ;;
	dane+sts) JOB_TLSA=$tlsa JOB_LINES="sts enforce $sts" ;;
	requiretls) tls=sts JOB_LINES=$'requiretls yes\nsts enforce '"$sts" ;;
	esac
	[ -z "$JOB_TLSA" ] || [ "$demand" = dane-unusable ] || JOB_TLSA="tlsa $JOB_TLSA"$'\n'"tlsa 1 1 1 $n_hex"
	[ "$demand" != dane-unusable ] || JOB_TLSA="tlsa $JOB_TLSA"
	job "r$n" "${@/%//$tls}" -- "a@row$n.test"
}
demands=$(awk 'NF && $1 != "demand" { print $1 }' <<<"$fates")
jobs=()
for demand in $demands; do
	for h in "${how[@]}"; do
		v=PORT_$h
		row_job "$demand" "${!v}"
		row_job "$demand" "${!v}" "$PORT_second"
	done
done
for ((i = 1; i <= n; i++)); do jobs+=("r$i"); done
timeout 60 fake-runq -k "${jobs[@]/%/.job}" >report 2>deliver.log || diag <deliver.log

# ---- what became of each: "FATE|MAIL seen in clear at first hop|counted at first hop|where it arrived|counted there, the report's `site`" ----
cat >look.py <<'X'
import glob, re
said, clear, now = {}, set(), None
for line in open("report"):
    line = line.rstrip("\n")
    if line.startswith("job "): now = said.setdefault(int(line[4:]), [])
    else: now.append(line)
for log in glob.glob("*.d/*.log"):
    tls = False
    for line in open(log, errors="replace"):
        tls |= line.startswith("TLS ")
        m = re.match(r"C: MAIL FROM:<s(\d+)@", line)
        if m and not tls: clear.add(int(m[1]))
letter = {"ok": "ok", "starttls-not-supported": "n", "validation-failure": "v", "tlsa-invalid": "u", "certificate-not-trusted": "c"}
for n in sorted(said):
    fate, host, site = "", "", ""
    counted = {"mx1.example.test": {}, "mx2.example.test": {}}
    for line in said[n]:
        f = line.split(" ")
        if f[0] == "rcpt":
            host = f[5].split("[")[0]
            fate = "never" if f[2] == "never" else f[4] if f[2] == "later" else "clear" if n in clear else "tls"
        elif f[0] == "tls":
            mx = [o[3:] for o in f if o.startswith("mx=")][0]
            counted[mx][f[1]] = letter.get(f[3], f[3])
        elif f[0] == "site":
            site = f[1]
    def words(mx):
        return ",".join(counted[mx][t] for t in ("tlsa", "sts", "no-policy-found") if t in counted[mx])
    print(n, fate, "clear" if n in clear else "-", words("mx1.example.test"), host, words("mx2.example.test") + site, sep="|")
X
python3 look.py >seen
tags() { # DEMAND BEHAVIOUR: lines of the checklist
	case $1/$2 in */injected) echo "T97 " ;; dane-unusable/missing) echo "T16 " ;; dane*/missing | dane*/refused*) echo "T19 T99 " ;; esac
	case $1/$2 in sts/* | dane+sts/*) echo "T35 " ;; testing/*) echo "T36 " ;; lenient/*) echo "T66 " ;; requiretls/*) echo "T62 " ;; esac
	case $1/$2 in must/missing | must/refused*) echo "T99 " ;; */broken) echo "T100 " ;; may/missing | may/refused*) echo "T55 " ;; esac
}
n=0
for demand in $demands; do
	for ((i = 1; i <= ${#how[@]}; i++)); do
		want=$(cell "$fates" "$demand" "$i") count=$(cell "$counts" "$demand" "$i") good=$(cell "$counts" "$demand" 1)
		[ "$want" = clear ] && clear=clear || clear=-
		t=$(tags "$demand" "${how[i - 1]}" | tr -d '\n')
		n=$((n + 1))
		case $want in 4.*) site=busy ;; *) site= ;; esac
		is "$t$demand, ${how[i - 1]}: $want" "$(sed -n "s/^$n|//p" seen)" "$want|$clear|$count|mx1.example.test|$site"
		n=$((n + 1))
		case $want in
		4.*) is "${t}T54 $demand, ${how[i - 1]}, then a good one: delivered there, both counted" "$(sed -n "s/^$n|//p" seen)" \
			"tls|-|$count|mx2.example.test|$good" ;;
		*) is "$t$demand, ${how[i - 1]}, and a good one: the first serves" "$(sed -n "s/^$n|//p" seen)" \
			"$want|$clear|$count|mx1.example.test|" ;;
		esac
	done
done
done_testing
