#!/usr/bin/env bash
# Shows that the simulation bites: breaks essink in one way after the other, in a copy of the tree, and counts the seeds
# until that is seen. Prints one line a mutant; fails when one gets through.
#   tests/sim/mutants.sh [NAME...]      SIM_SEEDS: most seeds to try (default 2000)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
top=$PWD
most=${SIM_SEEDS:-2000}
# Not where the tree itself is built: the copy would pass for it.
export CARGO_TARGET_DIR=${MUTANTS_TARGET_DIR:-$top/target/mutants} RUST_BACKTRACE=0
copy=$(mktemp -d) said=$(mktemp)
trap 'rm -rf "$copy" "$said"' EXIT
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy"
cd "$copy"

escaped=0
for patch in tests/sim/mutants/*.patch; do
  name=$(basename "$patch" .patch)
  if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
  patch --quiet --strip 1 --input "$patch" || { echo "$name: does not apply any more"; escaped=1; continue; }
  case $name in
    10-*) test=a_seed_replays ;;
    lease-a-loss-is-said-after-a-gain) test=a_worker_that_comes_back ;;
    leave-*) test=workers_that_catch_up ;;
    *) test=whatever_fails ;;
  esac
  if ! cargo test --quiet --locked --test sim --no-run > "$said" 2>&1; then
    echo "$name: does not compile"; cat "$said"; escaped=1
  elif SIM_SEEDS=$most SIM_THREADS=1 cargo test --quiet --locked --test sim "$test" > "$said" 2>&1; then
    echo "$name: not seen in $most seeds"; escaped=1
  else
    seed=$(sed -n 's/^.*seed \([0-9]*\)[: ].*/\1/p' "$said" | head -1)
    echo "$name: seen after $((seed + 1)) seeds: $(grep -m1 -oE 'seed [0-9]+.*' "$said" | cut -d' ' -f3- | cut -c1-110)"
  fi
  patch --quiet --strip 1 --reverse --input "$patch"
done
exit $escaped
