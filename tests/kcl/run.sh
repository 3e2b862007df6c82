#!/usr/bin/env bash
# run.sh STREAM TABLE KINESIS_URL DYNAMODB_URL MOST: reads with a real KCL 3 until standard input ends. See Consumer.java.
# run.sh --build: only fetches KCL with Maven and compiles. The result is in CARGO_TARGET_DIR or target/, under kcl/.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../../stack/common.sh"
out=${CARGO_TARGET_DIR:-$here/../../target}/kcl
java_home=$(find_java 17 99 "KCL 3")
export JAVA_HOME=$java_home

if [ ! "$out/.complete" -nt "$here/Consumer.java" ] || [ ! "$out/.complete" -nt "$here/pom.xml" ]; then
  need_maven
  mkdir -p "$out"
  mvn_quiet -Dout="$out" compile dependency:copy-dependencies -DoutputDirectory="$out/lib" || die "KCL could not be built (the lines above are Maven's)"
  touch "$out/.complete"
fi
[ "${1:-}" = --build ] && exit 0
exec "$java_home/bin/java" -Dorg.slf4j.simpleLogger.defaultLogLevel="${KCL_LOG:-warn}" -cp "$out/target/classes:$out/lib/*" Consumer "$@"
