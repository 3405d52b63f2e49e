#!/bin/bash
# published_ports.sh PROGRAM [ROUNDS]: Cala's published port beside podman's (rootlessport and pasta), turn by turn, because
# machines change their speed. PROGRAM is the example beside this file, linked statically:
#   RUSTFLAGS='-C target-feature=+crt-static' cargo build --release --target x86_64-unknown-linux-gnu -p cala-network --example published_ports
# To be run as a user with podman 5, passt, nftables, iproute2. Medians over the rounds come last.
set -u
program=$(realpath "$1") rounds=${2:-5} results=$(mktemp)
export SECONDS_EACH=${SECONDS_EACH:-0.5}
mkdir -p ~/published-root/bin ~/.config/containers
cp "$program" ~/published-root/bin/published
printf '[storage]\ndriver = "overlay"\n' >~/.config/containers/storage.conf
podman() { command podman --cgroup-manager cgroupfs --events-backend file "$@"; }
start() { podman run -q -d --name "$1" --network "$2" -p "$3:80" --rootfs ~/published-root:O /bin/published server 0.0.0.0:80 >/dev/null; }
"$program" cala 18080 & cala=$!
start one bridge 18081; start two pasta 18082
sleep 1
below() { local child; for child in $(pgrep -P "$1"); do echo "$child"; below "$child"; done; }
server() { podman inspect --format '{{.State.Pid}}' "$1"; }
measure() { printf '%-13s' "$1"; "$program" client "$2" "${@:3}"; }
for _ in $(seq "$rounds"); do
    printf '%-13s' direct; "$program" direct
    measure cala 127.0.0.1:18080 $(below $cala)
    measure rootlessport 127.0.0.1:18081 "$(server one)" $(pgrep rootlessport)
    measure pasta 127.0.0.1:18082 "$(server two)" $(pgrep pasta)
done | tee "$results"
podman rm -f -t 0 one two >/dev/null
kill $(below $cala) $cala 2>/dev/null
echo "medians: in Gbit/s, s/GB; out Gbit/s, s/GB; 1000 requests/s; µs of processor each; µs connect and answer; beside a big flow"
for name in direct cala rootlessport pasta; do
    printf '%-13s' "$name"
    for field in 3 5 8 10 12 15 19 29; do
        awk -v n="$name" -v f="$field" '$1 == n { print $f }' "$results" | sort -n | awk '{ v[NR] = $1 } END { printf "%9s", v[int((NR + 1) / 2)] }'
    done
    echo
done
rm "$results"
pkill -u "$(id -u)" -x "podman|catatonit|pasta|pasta.avx2"
exit 0
