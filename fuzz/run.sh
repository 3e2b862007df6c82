#!/bin/sh
# Runs every fuzz target for SECONDS each (default 300), one after the other; one line a target, exit 1 when one found something.
# TARGETS="names config" runs only these. Needs cargo-fuzz.
set -u
cd "$(dirname "$0")/.." || exit 70
seconds=${1:-300}
failed=0
logs=fuzz/target/logs
mkdir -p "$logs"
cargo fuzz build --release --sanitizer none >"$logs/build" 2>&1 || { cat "$logs/build"; exit 1; }
for target in ${TARGETS:-unwrap cut kpl bulk_reply names config dead_letters webhook}; do
    corpus=fuzz/corpus/$target
    mkdir -p "$corpus"
    # The events of the tests are seeds too.
    samples=
    [ "$target" = unwrap ] && samples=tests/samples
    found=nothing
    nice -n 19 cargo fuzz run --release --sanitizer none "$target" "$corpus" "fuzz/seeds/$target" $samples -- \
        -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=512 \
        -print_final_stats=1 -verbosity=1 >"$logs/$target" 2>&1 || { found="$(grep -o 'fuzz/artifacts/[^ ]*' "$logs/$target" | tail -1)"; failed=1; }
    took=$(sed -n "s/^Done [0-9]* runs in \([0-9]*\) second.*/\1/p" "$logs/$target")
    done_line=$(grep -E '^#[0-9]+[[:space:]]+DONE' "$logs/$target" | tail -1)
    execs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$target")
    field() { echo "$done_line" | sed -n "s/.* $1: \([0-9]*\).*/\1/p"; }
    echo "$target: ${took:-under $seconds} s, ${execs:-?} executions, $(field cov) edges, $(field ft) features, corpus of $(ls "$corpus" | wc -l), found ${found:-a failure, see $logs/$target}"
done
exit $failed
