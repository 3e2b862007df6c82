# What start-opensearch.sh and start-elasticsearch.sh share; they source it. Runs on bash 3.2 (macOS).

die() { echo "$(basename "$0"): $*" >&2; exit 69; }

# Sets the variables below from the command line. $1 is the default version.
parse_options() {
  version=$1; shift
  port=9200 transport_port= data= heap=1g with= quick=0 fetch_only=0 fresh=0 sets=()
  while [ $# -gt 0 ]; do
    case $1 in
      --version) version=$2; shift 2;;
      --port) port=$2; shift 2;;
      --transport-port) transport_port=$2; shift 2;;
      --data) data=$2; shift 2;;
      --heap) heap=$2; shift 2;;
      --set) sets+=("${2%%=*}: ${2#*=}"); shift 2;;
      --with) with=$2; shift 2; [ "$with" = security ] || { echo "--with knows only: security" >&2; exit 64; };;
      --quick) quick=1; shift;;
      --fresh) fresh=1; shift;;
      --fetch-only) fetch_only=1; shift;;
      -h|--help) usage; exit 0;;
      *) echo "unknown option: $1" >&2; usage >&2; exit 64;;
    esac
  done
  # OpenSearch and Elasticsearch speak to other nodes on a second port.
  transport_port=${transport_port:-$((port + 100))}
}

# The feature release of the JDK in directory $1, from its own release file: no JVM start. Nothing if unreadable.
java_feature() { sed -n 's/^JAVA_VERSION="\(1\.\)\{0,1\}\([0-9]*\).*/\2/p' "$1/release" 2>/dev/null; }

# Prints the first JDK from $1 to $2 of those a machine usually has; $3 names what needs it.
find_java() {
  local min=$1 max=$2 what=$3 c v
  for c in "${SEARCH_JAVA_HOME:-}" "${JAVA_HOME:-}" /usr/lib/jvm/* /Library/Java/JavaVirtualMachines/*/Contents/Home \
    "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/* /opt/java/*; do
    [ -n "$c" ] && [ -x "$c/bin/java" ] || continue
    v=$(java_feature "$c")
    if [ -n "$v" ] && [ "$v" -ge "$min" ] && [ "$v" -le "$max" ]; then echo "$c"; return; fi
  done
  die "$what needs a JDK from $min to $max and none was found; install one
  (Debian, Ubuntu: apt install openjdk-$min-jdk-headless; Fedora: dnf install java-$min-openjdk-devel;
  macOS: brew install openjdk@$min; anywhere: https://adoptium.net) or point SEARCH_JAVA_HOME at it"
}

need_maven() {
  command -v "${MVN:-mvn}" >/dev/null 2>&1 || die "Maven is needed to fetch the server and '${MVN:-mvn}' was not found; install it
  (Debian, Ubuntu: apt install maven; Fedora: dnf install maven; macOS: brew install maven) or point MVN at it"
}

need_openssl() {
  command -v openssl >/dev/null 2>&1 || die "openssl is needed for the certificates of --with security and was not found; install it
  (Debian, Ubuntu: apt install openssl; Fedora: dnf install openssl; macOS: brew install openssl)"
}

mvn_quiet() {
  "${MVN:-mvn}" -B -q -Dstyle.color=never -f "$here/pom.xml" "$@" >&2
}

# Says on stderr how a download goes until it is killed or this script is gone: $1 what, $2 about how many MiB, $3 Maven group/artifact/version.
# On a terminal one line is rewritten each second; elsewhere a line comes every ten seconds.
show_progress() {
  local what=$1 total=$2 dir=$HOME/.m2/repository/$3 start=$SECONDS mb
  while kill -0 $$ 2>/dev/null; do
    # Before Maven's first byte there is no such directory: that must not end this loop under `set -e`.
    mb=$(du -sk "$dir" 2>/dev/null | awk '{print int($1 / 1024)}') || mb=0
    if [ -t 2 ]; then
      printf '\rdownloading %s: %s of about %s MiB, %s s ' "$what" "${mb:-0}" "$total" $((SECONDS - start)) >&2; sleep 1
    else
      echo "downloading $what: ${mb:-0} of about $total MiB, $((SECONDS - start)) s" >&2; sleep 10
    fi
  done
}

# The loop may have ended by itself: no failure either way.
stop_progress() {
  [ -n "$progress" ] || return 0
  kill "$progress" 2>/dev/null || true
  wait "$progress" 2>/dev/null || true
  progress=
}

# An empty directory beside the cached servers, removed at exit whatever happens.
make_tmp() {
  need_maven
  mkdir -p "$cache"; tmp=$cache/.unpack-$$ progress=
  trap 'stop_progress; rm -rf "$tmp"' EXIT
}

# Fetches and unpacks org.$1.distribution.integ-test-zip:$1:$2 into $tmp, with progress; $3 is its size in MiB.
unpack_distribution() {
  local name=$1 version=$2 mb=$3 status=0
  show_progress "$name $version" "$mb" "org/$name/distribution/integ-test-zip/$name/$version" & progress=$!
  mvn_quiet dependency:unpack -DoutputDirectory="$tmp" -Dout="$tmp" \
    -Dartifact="org.$name.distribution.integ-test-zip:$name:$version:zip" || status=$?
  stop_progress
  [ -t 2 ] && echo >&2
  [ $status = 0 ] || die "fetching $name $version failed (the lines above are Maven's); it needs Maven Central or a mirror of it"
}

# Moves the finished directory $1 to $home. Two scripts may have fetched at once: the first one wins.
publish() {
  touch "$1/.complete"
  [ -f "$home/.complete" ] || { rm -rf "$home"; mv "$1" "$home"; }
  rm -rf "$tmp"; trap - EXIT
}

# Makes $data and writes the settings that both servers know into $1.
prepare_data() {
  [ "$fresh" = 1 ] && rm -rf "$data"
  mkdir -p "$data"/config "$data"/data "$data"/logs "$data"/tmp
  data=$(cd "$data" && pwd)
  cat > "$data/config/$1" <<Y
cluster.name: local-$port
node.name: node-$port
path.data: $data/data
path.logs: $data/logs
network.host: 127.0.0.1
http.port: $port
transport.port: $transport_port
discovery.type: single-node
Y
  # By default the parent circuit breaker counts garbage too. A small heap whose collector waits for one of two busy
  # cores is then "full" of it, and the node refuses with 429 what it has room for.
  [ "$quick" = 0 ] || echo 'indices.breaker.total.use_real_memory: false' >> "$data/config/$1"
  # Nor does a nearly full disk of the tester keep shards from being allocated, or block indices.
  [ "$quick" = 0 ] || echo 'cluster.routing.allocation.disk.threshold_enabled: false' >> "$data/config/$1"
}

add_sets() { local s; for s in "${sets[@]+"${sets[@]}"}"; do echo "$s" >> "$data/config/$1"; done; }
