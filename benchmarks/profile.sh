#!/usr/bin/env bash
# Where the time of two overlayd goes while one TCP stream runs through them: CPU microseconds per 61 KB of payload, by step.
# usage: benchmarks/profile.sh [--transport udp|tunnelGso] [--one-cpu] [--seconds N]     as root; needs perf, iperf3, iproute2 and a Release build
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
OVERLAYD=$ROOT/samples/Overlay.Daemon/bin/Release/net10.0/overlayd
FREQUENCY=1999

transport=udp pin='' seconds=5
while [ $# -gt 0 ]; do
  case $1 in
    --transport) transport=$2; shift 2 ;;
    --one-cpu) pin='taskset -c 1'; shift ;;
    --seconds) seconds=$2; shift 2 ;;
    *) echo "profile.sh: unknown argument '$1'; see the top of the file" >&2; exit 2 ;;
  esac
done
for tool in perf iperf3 ip "$OVERLAYD"; do
  command -v "$tool" >/dev/null || { echo "profile.sh: $tool is missing" >&2; exit 3; }
done

work=$(mktemp -d)
a=ovp-$$-a b=ovp-$$-b
declare -A pid=()
# shellcheck disable=SC2329  # called by the trap
clean_up() {
  for p in "${pid[@]}"; do kill "$p" 2>/dev/null || true; done
  wait
  ip netns del "$a" 2>/dev/null || true
  ip netns del "$b" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

ip netns add "$a"
ip netns add "$b"
ip -n "$a" link add v0 type veth peer name v0 netns "$b"

# host NAMESPACE SELF PEER
host() {
  ip -n "$1" link set lo up
  ip -n "$1" link set v0 up
  ip -n "$1" addr add "192.0.2.$2/24" dev v0
  cat > "$work/$1.json" <<CONFIG
{ "control": { "socket": "$work/$1.sock" },
  "tunnels": [ { "name": "vx42", "kind": "vxlan", "vni": 42, "local": "192.0.2.$2", "transport": "$transport",
    "device": { "type": "tap", "name": "vx42", "addresses": ["10.244.0.$2/24"], "mac": "02:00:00:00:00:0$2" },
    "fdb": [ { "mac": "02:00:00:00:00:0$3", "remote": "192.0.2.$3" } ], "flood": ["192.0.2.$3"] } ] }
CONFIG
  # The map tells perf the names of compiled methods; without W^X they lie where the map says.
  DOTNET_PerfMapEnabled=1 DOTNET_EnableWriteXorExecute=0 $pin ip netns exec "$1" "$OVERLAYD" run --config "$work/$1.json" > "$work/$1.out" 2> "$work/$1.err" &
  pid[$1]=$!
}
host "$a" 1 2
host "$b" 2 1
for _ in $(seq 100); do
  if grep -q ready "$work/$a.out" && grep -q ready "$work/$b.out"; then break; fi
  sleep 0.1
done
grep -q ready "$work/$a.out" && grep -q ready "$work/$b.out" || { cat "$work"/*.err >&2; exit 3; }

ip netns exec "$b" iperf3 -s > /dev/null &
pid[server]=$!
sleep 0.3
ip netns exec "$a" iperf3 -c 10.244.0.2 -t 3 > /dev/null
ip netns exec "$a" iperf3 -c 10.244.0.2 -t $((seconds + 2)) > "$work/iperf" &
client=$!
sleep 1

# bytes NAMESPACE: what the device has taken from and given to the stack.
bytes() { cat <(ip netns exec "$1" cat /sys/class/net/vx42/statistics/rx_bytes /sys/class/net/vx42/statistics/tx_bytes) | paste -sd+ | bc; }
before=$(bytes "$b")
perf record -q -F $FREQUENCY -e cpu-clock -g -o "$work/perf.data" -p "${pid[$a]},${pid[$b]}" -- sleep "$seconds" > /dev/null 2>&1
after=$(bytes "$b")
wait $client
tail -n 4 "$work/iperf" | head -n 2

perf script -i "$work/perf.data" -F pid,ip,sym 2>/dev/null |
  awk -v sender="${pid[$a]}" -v receiver="${pid[$b]}" -v bytes=$((after - before)) -v period=$((1000000000 / FREQUENCY)) '
    # A sample is a line with the process and then its stack, the innermost frame first; the step is the outermost frame that names one.
    function close_sample() {
      if (process != "") {
        if (stack ~ /sched_yield/) step = "sched_yield"
        else if (stack ~ /do_sys_poll|ppoll/) step = "ppoll"
        else if (stack ~ /do_readv|vfs_readv|GI___readv/) step = "device read"
        else if (stack ~ /tcx_run|bpf_redirect_neigh|skb_do_redirect/) step = "underlay write"
        else if (stack ~ /do_writev|vfs_writev|GI___writev/) step = "device write"
        else if (stack ~ /sys_sendmsg|sys_sendmmsg|libc_sendm/) step = "underlay send"
        else if (stack ~ /sys_recvm|libc_recvm/) step = "underlay receive"
        else if (stack ~ /Coalesc|FlowPacket|TunDevice::Send/) step = "coalesce, copy, verify checksum"
        else if (stack ~ /SegmentPlan|UdpTrain|WriteOuter/) step = "segment, copy, checksum"
        else if (stack ~ /ReceiveClassifier/) step = "classify, split trains"
        else if (stack ~ /TunnelEgress|TunnelIngress|DirectionCounters/) step = "decide, count"
        else if (stack ~ /TunnelWorker|PacketBatch|PollWaiter/) step = "worker"
        else step = "other"
        samples[step, process]++; total[process]++; seen[step] = 1
      }
      stack = ""; process = ""
    }
    /^ *[0-9]+ *$/ { close_sample(); process = $1; next }
    NF == 0 { close_sample(); next }
    { stack = stack " " $0 }
    END {
      close_sample()
      pieces = bytes / 62464
      printf "%-34s %12s %12s   CPU us per 61 KB\n", "step", "sender", "receiver"
      for (step in seen) printf "%-34s %12.2f %12.2f\n", step, samples[step, sender] * period / 1000 / pieces, samples[step, receiver] * period / 1000 / pieces | "sort -k1"
      close("sort -k1")
      printf "%-34s %12.2f %12.2f\n", "all", total[sender] * period / 1000 / pieces, total[receiver] * period / 1000 / pieces
    }'
