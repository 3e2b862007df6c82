#!/usr/bin/env bash
# Runs a real Elasticsearch node in the foreground, fetched with Maven. See --help and README.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/common.sh"
usage() { cat <<'U'
start-elasticsearch.sh [--version 8|7|X.Y.Z] [--port 9200] [--transport-port N] [--data DIR] [--heap 1g] [--quick]
                       [--with security] [--set key=value]... [--fetch-only] [--fresh]
  Runs one node on 127.0.0.1 in the foreground. SIGTERM to the script's PID stops it (8.x: that PID is the
  launcher, the node is its child). As root the node runs as nobody, since it refuses root.
  Maven has only the server core: no painless, no ingest processors, no reindex; 8.x also has no data
  streams and no GET / (poll /_cluster/health instead).
  --with security  basic auth on plain http: user admin (superuser) and user limited (may write to
                   allowed-* only), both with password $SEARCH_ADMIN_PASSWORD. No API key can be
                   made: their index needs the module analysis-common, which Maven does not have
  --quick --set --fresh --fetch-only: as in start-opensearch.sh
Environment: SEARCH_CACHE (default ~/.cache/search-servers, as root /var/cache/search-servers),
SEARCH_JAVA_HOME or JAVA_HOME, MVN.
U
}
parse_options 8 "$@"
case $version in 8) version=8.19.21;; 7|7.17) version=7.17.29;; esac
root=0; cache=$HOME/.cache/search-servers
[ "$(id -u)" = 0 ] && { root=1; cache=/var/cache/search-servers; }
[ $root = 0 ] || command -v setpriv >/dev/null 2>&1 || die "Elasticsearch does not run as root, and setpriv, which starts it as nobody, was not found; install it
  (Debian, Ubuntu: apt install util-linux; Fedora: dnf install util-linux)"
cache=${SEARCH_CACHE:-$cache}
home=$cache/elasticsearch-$version
data=${data:-$cache/data/elasticsearch-$version-$port}

# 7.x needs a Java that still has a security manager (11 to 23).
if [ "${version%%.*}" -ge 8 ]; then java_home=$(find_java 17 99 "Elasticsearch $version"); else java_home=$(find_java 11 23 "Elasticsearch $version"); fi

if [ ! -f "$home/.complete" ]; then
  make_tmp
  case $version in 8.*) mb=102;; *) mb=55;; esac # MiB
  unpack_distribution elasticsearch "$version" $mb
  publish "$(echo "$tmp"/elasticsearch-*)"
fi
[ $fetch_only = 1 ] && exit 0

prepare_data elasticsearch.yml
cp -Rn "$home"/config/. "$data/config/" || true # -n keeps the settings just written; some cp then exit 1
grep -v Xlog:gc "$data/config/jvm.options" > "$data/tmp/jvm.options"
mv "$data/tmp/jvm.options" "$data/config/jvm.options"
export ES_JAVA_HOME=$java_home ES_PATH_CONF=$data/config ES_TMPDIR=$data/tmp HOME=$data
export ES_JAVA_OPTS="-Xms$heap -Xmx$heap -XX:-AlwaysPreTouch"
[ $quick = 1 ] && ES_JAVA_OPTS="$ES_JAVA_OPTS -XX:TieredStopAtLevel=1"
unset JAVA_HOME || true
if [ "$with" = security ]; then
  pw=${SEARCH_ADMIN_PASSWORD:?set SEARCH_ADMIN_PASSWORD}
  printf 'xpack.security.enabled: true\nxpack.security.http.ssl.enabled: false\nxpack.security.transport.ssl.enabled: false\n' >> "$data/config/elasticsearch.yml"
  case $version in 7.*) ;; *) echo 'xpack.security.enrollment.enabled: false' >> "$data/config/elasticsearch.yml";; esac
  if ! grep -q '^admin:' "$data/config/users" 2>/dev/null; then
    printf 'limited:\n  cluster: [monitor]\n  indices:\n    - names: ["allowed-*"]\n      privileges: [all]\n' >> "$data/config/roles.yml"
    "$home/bin/elasticsearch-users" useradd admin -p "$pw" -r superuser >&2
    "$home/bin/elasticsearch-users" useradd limited -p "$pw" -r limited >&2
  fi
elif [ -d "$home/modules/x-pack-security" ]; then
  echo "xpack.security.enabled: false" >> "$data/config/elasticsearch.yml"
fi
add_sets elasticsearch.yml
cd "$data"
if [ $root = 1 ]; then
  chown -R nobody:nogroup "$data"
  exec setpriv --reuid=nobody --regid=nogroup --clear-groups "$home/bin/elasticsearch"
fi
exec "$home/bin/elasticsearch"
