#!/usr/bin/env bash
# tether.sh SCRATCH COMMAND...: runs COMMAND --data SCRATCH until standard input closes, then ends it, whatever
# it started and SCRATCH. A process that holds the other end of standard input as a pipe can so not leave a node
# behind, not even by kill -9: the kernel closes the pipe. SCRATCH must not exist yet: only what was made here is removed.
# COMMAND's process group is in SCRATCH/group. A test of crashes makes SCRATCH/again and kills the group: then COMMAND
# starts anew on the same data.
set -u
set -m # each background job becomes a process group of its own, so that a launcher's children are reached too
scratch=$1; shift
mkdir -m 700 "$scratch" || exit 69
exec 3<&0
while :; do
  "$@" --data "$scratch" </dev/null 3<&- & node=$!
  echo "$node" > "$scratch/group"
  # No grace: the data goes away with the node. `read` is a builtin, so killing the watcher leaves nothing behind.
  { while IFS= read -r _ <&3; do :; done; rm -f "$scratch/again"; kill -KILL -- "-$node"; } 2>/dev/null & watcher=$!
  wait "$node"; status=$?
  kill -KILL "$watcher" 2>/dev/null
  rm "$scratch/again" 2>/dev/null || break
  kill -KILL -- "-$node" 2>/dev/null
done
exec 3<&-
kill -KILL -- "-$node" 2>/dev/null # a launcher may be gone and its node not
# A killed node holds its port and files for some more milliseconds. Not for ever: where nobody reaps orphans, the
# group keeps a zombie.
for _ in {1..40}; do kill -0 -- "-$node" 2>/dev/null || break; sleep 0.05; done
for _ in {1..10}; do rm -rf "$scratch" 2>/dev/null && break; sleep 0.2; done
exit $status
