#!/usr/bin/env bash
# Takes the pictures of the docs anew: the demo's month, on its page, in a headless Chromium.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec cargo run --locked --example demo -- --pictures docs/pictures "$@" < /dev/null
