#!/usr/bin/env bash
# Runs a real OpenSearch node in the foreground, fetched with Maven. See --help and README.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/common.sh"
usage() { cat <<'U'
start-opensearch.sh [--version 3|2.19|X.Y.Z] [--port 9200] [--transport-port N] [--data DIR] [--heap 1g]
                    [--quick] [--with security] [--set key=value]... [--fetch-only] [--fresh]
  Runs one node on 127.0.0.1 in the foreground; the script execs java, so its PID is the node's.
  --quick       half the start-up CPU time, slower under load (only the first JIT compiler), and a memory breaker
                that does not count garbage: for tests
  --with security  OpenSearch 3.4.0 with TLS and users on (https, admin / $SEARCH_ADMIN_PASSWORD)
  --set         adds one line to opensearch.yml (repeatable): --set http.max_content_length=64kb
  --fresh       empties the data directory first
  --fetch-only  only downloads and unpacks
Environment: SEARCH_CACHE (default ~/.cache/search-servers), SEARCH_JAVA_HOME or JAVA_HOME, MVN, SEARCH_JAVA_OPTS.
U
}
parse_options 3 "$@"
[ -z "$with" ] || need_openssl
# 3.6.0 and 2.19.6 are the newest archives to be had; the security plugin is to be had for 3.4.0 only.
case $version in 3) version=3.6.0; [ -z "$with" ] || version=3.4.0;; 3.4) version=3.4.0;; 2|2.19) version=2.19.6;; esac
cache=${SEARCH_CACHE:-$HOME/.cache/search-servers}
home=$cache/opensearch-$version${with:+-$with}
data=${data:-$cache/data/opensearch-$version-$port}

# 3.x needs Java 21 or newer; 2.x needs one that still has a security manager (11 to 23).
if [ "${version%%.*}" -ge 3 ]; then java_home=$(find_java 21 99 "OpenSearch $version"); else java_home=$(find_java 11 23 "OpenSearch $version"); fi

add_modules() { # archives older than 3.6.0 carry only the transport modules: lay out the rest from their artifacts
  local dir=$1 jdk=17 m cls ext; [ "${version%%.*}" -ge 3 ] && jdk=21
  [ -x "$java_home/bin/jar" ] || die "$java_home has no bin/jar: OpenSearch $version needs a whole JDK, not a runtime, to be unpacked"
  mvn_quiet -Pmodules package -Dos.version="$version" -Dout="$tmp" -Dmodules="$dir"
  for m in "$dir"/*/; do
    m=${m%/}; [ -f "$m/plugin-descriptor.properties" ] && continue
    m=$(basename "$m"); ext=; case $m in analysis-common|ingest-common) ext=lang-painless;; esac
    cls=$("$java_home/bin/jar" tf "$(ls "$dir/$m/$m"-*.jar)" | grep -E '^[a-zA-Z/]*Plugin\.class$' | head -1)
    cls=${cls%.class}
    printf '%s\n' "name=$m" "description=$m" "version=$version" "opensearch.version=$version" "java.version=$jdk" \
      "classname=${cls//\//.}" "custom.foldername=" "extended.plugins=$ext" "has.native.controller=false" > "$dir/$m/plugin-descriptor.properties"
  done
  echo 'grant { permission java.lang.RuntimePermission "createClassLoader"; permission java.lang.RuntimePermission "getClassLoader"; };' > "$dir/lang-painless/plugin-security.policy"
  echo 'grant { permission java.lang.RuntimePermission "accessDeclaredMembers"; };' > "$dir/lang-mustache/plugin-security.policy"
  echo 'grant { permission java.net.SocketPermission "*", "connect"; permission java.net.NetPermission "getProxySelector"; };' > "$dir/reindex/plugin-security.policy"
  echo 'grant { permission java.net.SocketPermission "*", "connect"; };' > "$dir/repository-url/plugin-security.policy"
  { echo 'grant { permission java.lang.RuntimePermission "createClassLoader";'
    for m in java.lang.String java.lang.Math org.apache.lucene.expressions.Expression org.apache.lucene.search.DoubleValues \
      org.apache.lucene.util.MathUtil org.apache.lucene.util.SloppyMath org.apache.lucene.expressions.js.ExpressionMath; do
      echo "  permission org.opensearch.script.ClassPermission \"$m\";"; done; echo '};'; } > "$dir/lang-expression/plugin-security.policy"
}
add_security() { # its version is the server's with .0 added
  local dir=$1/plugins/opensearch-security
  mvn_quiet dependency:unpack -DoutputDirectory="$dir" -Dout="$tmp" -Dartifact="org.opensearch.plugin:opensearch-security:$version.0:zip"
  # It extends the module rule-framework, which Maven does not have for this version. It works without
  # that module, except for one library that it takes from there.
  sed -i 's/,rule-framework$/,rule-framework;optional=true/' "$dir/plugin-descriptor.properties"
  mvn_quiet dependency:copy -DoutputDirectory="$dir" -Dout="$tmp" -Dartifact=org.apache.commons:commons-collections4:4.5.0:jar
}
if [ ! -f "$home/.complete" ]; then
  make_tmp
  case $version in 3.4.*) mb=127;; 3.*) mb=155;; *) mb=54;; esac # MiB
  unpack_distribution opensearch "$version" $mb
  new=$(echo "$tmp"/opensearch-*)
  [ -d "$new/modules/lang-painless" ] || add_modules "$new/modules"
  [ -z "$with" ] || add_security "$new"
  publish "$new"
fi
[ $fetch_only = 1 ] && exit 0

prepare_data opensearch.yml
if [ "$with" = security ]; then
  c=$data/config; pw=${SEARCH_ADMIN_PASSWORD:?set SEARCH_ADMIN_PASSWORD}; mkdir -p "$c/certs"
  if [ ! -f "$c/certs/node.pem" ]; then ( cd "$c/certs" &&
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 3650 -subj "/CN=local test CA" &&
    openssl req -newkey rsa:2048 -nodes -keyout node.key -out node.csr -subj "/CN=localhost" &&
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n' > node.ext &&
    openssl x509 -req -in node.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile node.ext -out node.pem
  ) 2>"$c/certs/openssl.log" || { cat "$c/certs/openssl.log" >&2; die "openssl could not make the certificates"; }; fi
  if [ ! -d "$c/opensearch-security" ]; then
    cp -r "$home/plugins/opensearch-security/config" "$c/opensearch-security"
    hash=$("$java_home/bin/java" -cp "$home/plugins/opensearch-security/*:$home/lib/*" org.opensearch.security.tools.Hasher -p "$pw" 2>/dev/null | grep '^\$2' | tail -1)
    cat > "$c/opensearch-security/internal_users.yml" <<Y
_meta: {type: internalusers, config_version: 2}
admin: {hash: "$hash", reserved: true, backend_roles: [admin]}
limited: {hash: "$hash", reserved: false, opendistro_security_roles: [limited]}
Y
    # "limited" may write to allowed-* and to nothing else: for tests of per-item 403
    cat >> "$c/opensearch-security/roles.yml" <<Y
limited:
  cluster_permissions: [cluster_monitor, "indices:data/write/bulk"]
  index_permissions: [{index_patterns: ["allowed-*"], allowed_actions: [crud, create_index]}]
Y
  fi
  cat >> "$c/opensearch.yml" <<Y
plugins.security.ssl.transport.pemcert_filepath: certs/node.pem
plugins.security.ssl.transport.pemkey_filepath: certs/node.key
plugins.security.ssl.transport.pemtrustedcas_filepath: certs/ca.pem
plugins.security.ssl.transport.enforce_hostname_verification: false
plugins.security.ssl.http.enabled: true
plugins.security.ssl.http.pemcert_filepath: certs/node.pem
plugins.security.ssl.http.pemkey_filepath: certs/node.key
plugins.security.ssl.http.pemtrustedcas_filepath: certs/ca.pem
plugins.security.nodes_dn: ["CN=localhost"]
plugins.security.authcz.admin_dn: ["CN=nobody"]
plugins.security.allow_default_init_securityindex: true
plugins.security.restapi.roles_enabled: [all_access, security_rest_api_access]
Y
fi
add_sets opensearch.yml
cat > "$data/config/log4j2.properties" <<'Y'
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %m{nolookups}%n%throwable{short}
logger.a.name = org.opensearch.index.MergeSchedulerConfig
logger.a.level = warn
logger.b.name = org.opensearch.plugins.PluginsService
logger.b.level = warn
logger.c.name = org.opensearch.transport.grpc
logger.c.level = warn
logger.d.name = org.opensearch.bootstrap.Natives
logger.d.level = error
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
Y

# The options of the distribution's own launcher that matter here, without its three extra JVM starts
# and without touching the whole heap at start.
feature=$(java_feature "$java_home")
opts=(-Xms"$heap" -Xmx"$heap" -Xss1m -XX:+UseG1GC -XX:G1ReservePercent=25 -XX:InitiatingHeapOccupancyPercent=30
  -Djava.io.tmpdir="$data/tmp" -XX:ErrorFile="$data/logs/hs_err_pid%p.log"
  -Djava.awt.headless=true -Dfile.encoding=UTF-8 -XX:-OmitStackTraceInFastThrow
  -Dopensearch.networkaddress.cache.ttl=60 -Dopensearch.networkaddress.cache.negative.ttl=10
  -Dio.netty.noUnsafe=true -Dio.netty.noKeySetOptimization=true -Dio.netty.recycler.maxCapacityPerThread=0
  -Dio.netty.allocator.numDirectArenas=0 -Dlog4j.shutdownHookEnabled=false -Dlog4j2.disable.jmx=true
  -Djna.nosys=true)
# As root the server refuses to start; without its native library it cannot tell, and loses nothing else
# that a loopback node needs (memory locking, the system call filter).
[ "$(id -u)" = 0 ] && opts+=(-Djna.nounpack=true)
if [ "${version%%.*}" -ge 3 ]; then
  opts+=(-Djava.locale.providers=SPI,CLDR --add-modules=jdk.incubator.vector
    -javaagent:"$home/agent/opensearch-agent.jar" -Dorg.apache.lucene.store.MMapDirectory.sharedArenaMaxPermits=1)
  [ "$feature" -ge 24 ] && opts+=(-XX:+UseCompactObjectHeaders --sun-misc-unsafe-memory-access=allow --enable-native-access=ALL-UNNAMED)
else
  opts+=(-Djava.locale.providers=SPI,COMPAT -Djava.security.manager=allow)
fi
[ $quick = 1 ] && opts+=(-XX:TieredStopAtLevel=1)
cd "$home"
exec "$java_home/bin/java" "${opts[@]}" ${SEARCH_JAVA_OPTS:-} \
  -Dopensearch.path.home="$home" -Dopensearch.path.conf="$data/config" \
  -Dopensearch.distribution.type=zip -Dopensearch.bundled_jdk=false \
  -cp "$home/lib/*" org.opensearch.bootstrap.OpenSearch
