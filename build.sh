#!/usr/bin/env bash
# The one entry: builds, tests, shows and measures Overlay, and first installs what is missing (Debian, Ubuntu).
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ARTIFACTS="$ROOT/artifacts"
LOGS="$ARTIFACTS/logs"
PROJECT_TIMEOUT=1800        # seconds for one test project; --long trebles it
FRAMEWORK=net10.0

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

usage() {
  cat <<'USAGE'
usage: ./build.sh COMMAND

  build                       build everything
  test [--long] [--fuzz N]    run every test, and fuzz for N seconds, which counts as one; the last line is "N passed, N failed, N skipped"
  fuzz [OPTION...]            arbitrary bytes for everything that reads bytes: --seconds N (60), --seed S, --target NAME,..., --jobs N, --list;
                              --replay FILE gives a finding of artifacts/fuzz/findings to its target again (tests/Overlay.Fuzz/README.md)
  demo [--json] [--pcap DIR]  kernel and Overlay side by side in network namespaces; JSON only, captures in DIR
  bench [FILTER [OPTION...]]  benchmarks beside plain C and PacketDotNet; FILTER and options as in BenchmarkDotNet: '*Encap*' --job short
  bench --record              all of them in less than ten minutes; the results go into benchmarks/README.md, with the facts of the machine
  bench tables [OPTION...]    the tables at the size of a cluster, beside those of DPDK and .NET: --quick, --rounds N, --record
  bench forward [OPTION...]   two network namespaces and a tunnel: kernel vxlan, overlayd, the probe in C and others, in interleaved rounds;
                              --rounds N, --seconds S, --only CASE,..., --subject NAME,..., --json FILE, --quick, --list (benchmarks/README.md)
  pack                        NuGet packages into artifacts/packages
  conformance                 run the tests of the rules of the RFCs and write docs/conformance.md
  api                         write the public API of the packages anew into src/*/PublicAPI.Unshipped.txt

Missing Debian packages and the .NET SDK are installed first; logs are in artifacts/logs.
USAGE
}

say() { printf '%s\n' "build.sh: $*" >&2; }
die() { say "$*"; exit 1; }

# logged NAME COMMAND...: keeps stdout clean, and shows what the command said only when it fails.
logged() {
  local log="$LOGS/$1.log"
  shift
  mkdir -p "$LOGS"
  if "$@" >"$log" 2>&1 </dev/null; then return 0; fi
  tail -n 60 "$log" >&2
  say "failed: $* (all of it in $log)"
  return 1
}

# ---- what the machine must have ------------------------------------------------------------------------------------

# One line each: what shows that it is there (a command, or a path that must exist), and the package that brings it.
requirements_for() {
  local sdk='/etc/ssl/certs/ca-certificates.crt ca-certificates
git git'
  local compiler='gcc gcc
/usr/include/stdlib.h libc6-dev
/usr/include/zlib.h zlib1g-dev'
  local network='ip iproute2
ethtool ethtool
ping iputils-ping
tshark tshark
tcpdump tcpdump
iperf3 iperf3
ping iputils-ping
/usr/lib/python3/dist-packages/scapy python3-scapy
linux.uml user-mode-linux
ps procps
unshare util-linux'
  local forwarding='ip iproute2
iperf3 iperf3
ping iputils-ping
unshare util-linux'
  case $1 in
    build | pack | api | fuzz) printf '%s\n' "$sdk" ;;
    bench) printf '%s\n' "$sdk" "$compiler" ;;
    tables) printf '%s\n' "$sdk" "$compiler" '/usr/include/dpdk/rte_lpm6.h libdpdk-dev
pkg-config pkg-config' ;;
    forward) printf '%s\n' "$sdk" "$compiler" "$forwarding" ;;
    demo) printf '%s\n' "$sdk" "$network" ;;
    *) printf '%s\n' "$sdk" "$compiler" "$network" ;;
  esac
}

is_there() { case $1 in /*) [ -e "$1" ] ;; *) command -v "$1" >/dev/null ;; esac; }

missing_packages() {
  local probe package
  requirements_for "$1" | while read -r probe package; do is_there "$probe" || printf '%s\n' "$package"; done
}

# Runs a command as root; fails when that would need a password.
as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }
can_be_root() { [ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; }
apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=120 "$@"; }

install_packages() {
  local wanted package available=()
  wanted=$(missing_packages "$1" | tr '\n' ' ')
  wanted=${wanted% }
  [ -n "$wanted" ] || return 0

  if ! command -v apt-get >/dev/null; then
    say "missing, and there is no apt-get here; install what these Debian packages bring: $wanted"
    return 0
  fi
  if ! can_be_root; then
    say "missing; please type: sudo apt-get install $wanted"
    return 0
  fi

  logged apt-update apt_get update || say "going on with the package lists that are there"
  for package in $wanted; do
    if [ -n "$(apt-cache madison "$package" 2>/dev/null)" ]; then available+=("$package"); else say "this distribution has no package $package"; fi
  done
  [ ${#available[@]} -gt 0 ] || return 0
  say "installing: ${available[*]}"
  logged apt-install apt_get install --no-install-recommends "${available[@]}" || say "going on without; what needs them will say so"
}

has_sdk() { command -v dotnet >/dev/null && (cd "$ROOT" && dotnet --version) >/dev/null 2>&1; }

use_own_sdk() {
  [ -x "$HOME/.dotnet/dotnet" ] || return 1
  export DOTNET_ROOT="$HOME/.dotnet" PATH="$HOME/.dotnet:$PATH"
}

fetch() { if command -v curl >/dev/null; then curl -fsSL --retry 2 "$1" -o "$2"; else wget -q "$1" -O "$2"; fi; }

# The SDK that global.json asks for: from PATH, from ~/.dotnet, or fetched to there.
install_sdk() {
  # Without ICU the SDK starts only in invariant mode, which is what Overlay is built for anyway.
  if ! ldconfig -p 2>/dev/null | grep -q libicuuc; then export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1; fi
  if has_sdk; then return 0; fi
  if use_own_sdk && has_sdk; then return 0; fi

  command -v curl >/dev/null || command -v wget >/dev/null || ! can_be_root || logged apt-curl apt_get install curl || true
  say "fetching the .NET 10 SDK into ~/.dotnet"
  local script
  script=$(mktemp)
  if logged dotnet-fetch fetch https://dot.net/v1/dotnet-install.sh "$script" &&
    logged dotnet-install bash "$script" --channel 10.0 --install-dir "$HOME/.dotnet"; then
    rm -f "$script"
    if use_own_sdk && has_sdk; then return 0; fi
  fi
  rm -f "$script"
  die "no .NET 10 SDK and none to be had; install it by hand (https://dot.net/download) and put dotnet on PATH"
}

prepare() {
  install_packages "$1"
  install_sdk
}

# ---- building ------------------------------------------------------------------------------------------------------

# Output of the compiler goes to the log; errors are shown.
build() { (cd "$ROOT" && logged "build-$(basename "$1")" dotnet build "$1" -c Release -v quiet -nologo); }

output_of() { printf '%s/%s/bin/Release/%s/%s.dll' "$ROOT" "$1" "$FRAMEWORK" "$(basename "$1")"; }

# ---- root over a network of one's own --------------------------------------------------------------------------------

# isolated COMMAND...: in fresh user, network and mount namespaces, where an ordinary user may make links and namespaces.
isolated() {
  # shellcheck disable=SC2016  # expanded by the inner shell
  unshare -Urnm sh -c 'mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set lo up && exec "$@"' sh "$@"
}

isolation_works() { command -v unshare >/dev/null && command -v ip >/dev/null && isolated true 2>/dev/null; }

why_no_isolation() {
  local apparmor=/proc/sys/kernel/apparmor_restrict_unprivileged_userns
  if [ -r "$apparmor" ] && [ "$(cat "$apparmor")" = 1 ]; then
    printf 'AppArmor forbids it: run as root, or type: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0'
  else
    printf 'unshare -Urnm does not work here: run as root'
  fi
}

# ---- test ----------------------------------------------------------------------------------------------------------

PASSED=0 FAILED=0 SKIPPED=0

# count REPORT ATTRIBUTE: a number from the <assembly …> element of an xunit report; nothing when it is not there.
count() {
  grep -o '<assembly [^>]*>' "$1" 2>/dev/null | head -n 1 | grep -o " $2=\"[0-9][0-9]*\"" | tr -dc 0-9 || true
}

# tally PROJECT REPORT EXIT-CODE: adds a project to the sums. What did not end as it should counts as one failure, and is said.
tally() {
  local project=$1 report=$2 code=$3 passed failed errors skipped
  passed=$(count "$report" passed) failed=$(count "$report" failed) errors=$(count "$report" errors) skipped=$(count "$report" skipped)
  if [ -z "$passed" ] || [ -z "$failed" ] || [ -z "$errors" ] || [ -z "$skipped" ] || ! grep -q '</assemblies>' "$report"; then
    FAILED=$((FAILED + 1))
    echo "$project crashed or ran out of time: exit code $code and no report; counted as one failure"
    return 0
  fi
  PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed + errors)) SKIPPED=$((SKIPPED + skipped))
  if [ "$code" -ne 0 ] && [ $((failed + errors)) -eq 0 ]; then
    FAILED=$((FAILED + 1))
    echo "$project: no test failed, but exit code $code; counted as one failure"
  fi
  if [ $((passed + failed + errors + skipped)) -eq 0 ]; then
    FAILED=$((FAILED + 1))
    echo "$project: not one test was found; counted as one failure"
  fi
}

# tally_fuzzing EXIT-CODE: a run of the fuzzer counts as one test, passed when nothing was found.
tally_fuzzing() {
  if [ "$1" -eq 0 ]; then
    PASSED=$((PASSED + 1))
  else
    FAILED=$((FAILED + 1))
    echo "fuzzing: exit code $1; counted as one failure"
  fi
}

# skips REPORT: one line for each skipped test, with its reason.
skips() {
  [ -r "$1" ] || return 0
  tr '\n' ' ' <"$1" | sed 's/<test /\n&/g' |
    sed -n 's|^<test .* name="\([^"]*\)".* result="Skip".*<reason>\(.*\)</reason>.*|  \1: \2|p' |
    sed 's/<!\[CDATA\[//; s/\]\]>//; s/&quot;/"/g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g; s/\\"/"/g'
}

verdict() {
  echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
  [ "$FAILED" -eq 0 ]
}

# Where the tests of the Linux package run: ISOLATE=yes for namespaces of their own.
choose_isolation() {
  ISOLATE=no
  if [ "$(id -u)" -ne 0 ]; then
    if isolation_works; then
      ISOLATE=yes
      say "not root: the tests of the Linux package run in namespaces of their own (unshare -Urnm)"
    else
      say "not root: tests that need it are skipped ($(why_no_isolation))"
    fi
  fi
}

# run_tests PROJECT REPORT [FILTER...]: the tests of one project, which write their report; returns the exit code of the run.
run_tests() {
  local project=$1 report=$2 seconds=$PROJECT_TIMEOUT runner=(env)
  [ "${OVERLAY_LONG:-0}" = 0 ] || seconds=$((3 * PROJECT_TIMEOUT))
  case $project in *.Linux.Tests) if [ "${ISOLATE:-no}" = yes ]; then runner=(isolated); fi ;; esac
  (cd "$ROOT" && "${runner[@]}" timeout --kill-after=10 "$seconds" dotnet exec "$(output_of "tests/$project")" -noColor -noLogo -result-xml "$report" "${@:3}")
}

test_all() {
  local seconds=
  while [ $# -gt 0 ]; do
    case $1 in
      --long) export OVERLAY_LONG=1 ;;
      --fuzz)
        [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || die "--fuzz takes a number of seconds"
        seconds=$2
        shift
        ;;
      *) die "unknown option $1 (test takes --long and --fuzz N)" ;;
    esac
    shift
  done
  prepare test

  choose_isolation

  local results="$ARTIFACTS/test-results" file project report code reports=()
  rm -rf "$results"
  mkdir -p "$results"
  if ! build Overlay.sln; then
    echo "the build failed; counted as one failure"
    FAILED=1
    verdict
    return
  fi

  for file in "$ROOT"/tests/*.Tests/*.csproj; do
    project=$(basename "$file" .csproj) report="$results/$(basename "$file" .csproj).xml" code=0
    echo "== $project"
    run_tests "$project" "$report" </dev/null || code=$?
    tally "$project" "$report" "$code"
    reports+=("$report")
  done

  if [ -n "$seconds" ]; then
    echo "== Overlay.Fuzz"
    code=0
    (fuzz --seconds "$seconds") </dev/null || code=$?
    tally_fuzzing "$code"
  fi

  if [ "$SKIPPED" -gt 0 ]; then
    echo "== skipped"
    for report in "${reports[@]}"; do skips "$report"; done
  fi
  verdict
}

# ---- fuzz ----------------------------------------------------------------------------------------------------------

# instrument DIRECTORY: lets the library and the daemon count the branches they take, so that the fuzzer sees what is new. Without it changes are
# blind, which finds less; continuous integration does not put up with that.
instrument() {
  local file
  if (cd "$ROOT" && logged sharpfuzz-restore dotnet tool restore); then
    for file in Overlay.dll overlayd.dll; do
      (cd "$ROOT" && logged "sharpfuzz-$file" dotnet tool run sharpfuzz "$1/$file") || return 1
    done
  else
    [ "${CI:-}" != true ] || return 1
    say "fuzzing without instrumentation: there is no sharpfuzz to be had"
  fi
}

fuzz() {
  prepare fuzz
  # A copy, because what is instrumented runs nowhere else. It must lie in the repository, where tests/vectors is found from.
  local copy="$ARTIFACTS/fuzz/bin"
  rm -rf "$copy"
  mkdir -p "$copy"
  # With "||" each, because test_all calls this where errors do not end the script.
  build tests/Overlay.Fuzz || die "the fuzzer cannot be built"
  cp -r "$(dirname "$(output_of tests/Overlay.Fuzz)")/." "$copy" || die "the fuzzer cannot be copied"
  instrument "$copy" || die "the library cannot be instrumented"
  dotnet exec "$copy/Overlay.Fuzz.dll" --out "$ARTIFACTS/fuzz/findings" "$@"
}

# ---- demo, bench, pack, api ----------------------------------------------------------------------------------------

demo() {
  local arguments=()
  while [ $# -gt 0 ]; do
    case $1 in
      --json) arguments+=(--json) ;;
      --pcap)
        [ $# -ge 2 ] || die "--pcap takes a directory"
        arguments+=(--pcap "$(realpath -m "$2")")
        shift
        ;;
      *) die "unknown option $1 (demo takes --json and --pcap DIR)" ;;
    esac
    shift
  done

  prepare demo
  build samples/Overlay.Daemon
  build samples/Overlay.Demo

  with_namespaces "the demo" dotnet exec "$(output_of samples/Overlay.Demo)" "${arguments[@]}"
}

# with_namespaces WHO COMMAND...: as root, or where an ordinary user may make network namespaces.
with_namespaces() {
  local who=$1
  shift
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif isolation_works; then
    say "not root: running in namespaces of its own (unshare -Urnm)"
    isolated "$@"
  else
    die "$who makes network namespaces; $(why_no_isolation)"
  fi
}

bench_forward() {
  prepare forward
  build benchmarks/Overlay.Forwarding
  with_namespaces "the forwarding benchmark" dotnet exec "$(output_of benchmarks/Overlay.Forwarding)" "$@"
}

# Without DPDK there is nothing beside ours but what .NET has.
bench_tables() {
  prepare tables
  local yardstick="$ARTIFACTS/yardsticks/tables" options=() option
  for option in "$@"; do
    case $option in --record) options+=(--record "$ROOT/benchmarks/README.md") ;; *) options+=("$option") ;; esac
  done
  mkdir -p "$ARTIFACTS/yardsticks"
  # shellcheck disable=SC2046  # flags are several words
  if pkg-config --exists libdpdk 2>/dev/null && logged yardstick-tables gcc -O3 -march=native "$ROOT/benchmarks/yardsticks/tables.c" -o "$yardstick" \
    $(pkg-config --cflags --libs libdpdk); then
    export OVERLAY_TABLES_YARDSTICK=$yardstick
  fi
  build benchmarks/Overlay.Benchmarks
  cd "$ARTIFACTS"
  dotnet exec "$(output_of benchmarks/Overlay.Benchmarks)" tables "${options[@]}"
}

bench() {
  case ${1:-} in
    forward)
      bench_forward "${@:2}"
      return
      ;;
    tables)
      bench_tables "${@:2}"
      return
      ;;
  esac
  local record=() filter=${1:-*} name yardsticks=()
  if [ "$filter" = --record ]; then
    [ $# -eq 1 ] || die "bench --record takes no filter and no option: what is recorded is everything, by one job"
    record=(--record "$ROOT/benchmarks/README.md") filter='*'
  fi
  prepare bench
  mkdir -p "$ARTIFACTS/yardsticks"
  for name in encap checksum; do
    logged "yardstick-$name" gcc -O3 -march=native "$ROOT/benchmarks/yardsticks/$name.c" -o "$ARTIFACTS/yardsticks/$name"
    yardsticks+=("$ARTIFACTS/yardsticks/$name")
  done
  build benchmarks/Overlay.Benchmarks
  cd "$ARTIFACTS"
  OVERLAY_YARDSTICK=$(IFS=:; printf '%s' "${yardsticks[*]}") \
    dotnet exec "$(output_of benchmarks/Overlay.Benchmarks)" "${record[@]}" --filter "$filter" "${@:2}"
}

pack() {
  prepare pack
  local packages="$ARTIFACTS/packages" project
  rm -rf "$packages"
  for project in Overlay Overlay.Linux; do
    # Built apart from everyday output, because a deterministic build has other paths in its symbols.
    (cd "$ROOT" && logged "pack-$project" dotnet pack "src/$project" -c Release -nologo -o "$packages" \
      -p:ContinuousIntegrationBuild=true -p:UseArtifactsOutput=true -p:ArtifactsPath="$ARTIFACTS/pack")
  done
  ls -1 "$packages"
}

# What is public and not yet declared as shipped. The analyser names each symbol that the files lack; so they start empty.
declare_api() {
  prepare api
  local project directory log="$LOGS/api.log"
  for project in Overlay Overlay.Linux; do
    directory="$ROOT/src/$project"
    [ -e "$directory/PublicAPI.Shipped.txt" ] || echo '#nullable enable' >"$directory/PublicAPI.Shipped.txt"
    echo '#nullable enable' >"$directory/PublicAPI.Unshipped.txt"
  done
  (cd "$ROOT" && logged api dotnet build src/Overlay.Linux -c Release -nologo --no-incremental -p:TreatWarningsAsErrors=false)
  for project in Overlay Overlay.Linux; do
    sed -n "s|.*warning RS0016: Symbol '\(.*\)' is not part of the declared public API.*/$project\.csproj\].*|\1|p" "$log" |
      LC_ALL=C sort -u >>"$ROOT/src/$project/PublicAPI.Unshipped.txt"
    say "src/$project/PublicAPI.Unshipped.txt: $(($(wc -l <"$ROOT/src/$project/PublicAPI.Unshipped.txt") - 1)) symbols"
  done
}

# The tests that stand for a rule of an RFC, and the table of what became of them. It is written whatever the results are.
conformance() {
  prepare test
  choose_isolation
  local results="$ARTIFACTS/conformance" project test tests filters code=0 runs=()
  rm -rf "$results"
  mkdir -p "$results"
  for project in Overlay.Conformance Overlay.Tests Overlay.Linux.Tests; do build "tests/$project"; done
  for project in Overlay.Tests Overlay.Linux.Tests; do
    tests=$(dotnet exec "$(output_of tests/Overlay.Conformance)" --tests "$(output_of "tests/$project")") || die "the tests of $project cannot be listed"
    filters=()
    for test in $tests; do filters+=(-method "$test"); done
    [ ${#filters[@]} -gt 0 ] || die "no test of $project says which rule it proves"
    run_tests "$project" "$results/$project.xml" "${filters[@]}" </dev/null || code=$?
    runs+=("$(output_of "tests/$project")" "$results/$project.xml")
  done
  dotnet exec "$(output_of tests/Overlay.Conformance)" "$ROOT/docs/conformance.md" "${runs[@]}" || code=$?
  return "$code"
}

main() {
  local command=${1:-}
  [ $# -eq 0 ] || shift
  case $command in
    build)
      prepare build
      build Overlay.sln
      ;;
    test) test_all "$@" ;;
    fuzz) fuzz "$@" ;;
    demo) demo "$@" ;;
    bench) bench "$@" ;;
    pack) pack ;;
    conformance) conformance ;;
    api) declare_api ;;
    help | -h | --help) usage ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
}

# The tests source this file for its functions.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then main "$@"; fi
