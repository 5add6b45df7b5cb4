#!/usr/bin/env bash
# Runs an Apache Kafka for the tests: KRaft mode, loopback only, its data in a temporary folder.
#
#   kafka.sh start   fetches Kafka from Maven Central, starts it, waits for it, prints KAFKA_BROKERS=...
#   kafka.sh stop    ends what start started, and removes its data
#   kafka.sh brokers prints the addresses alone
#
# KAFKA_PORT (19092) is the port of the first broker; its controller listens 100 above.
# KAFKA_WAIT (120) is how many seconds the cluster has to answer.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
state=$(cd "$here/../.." && pwd)/.kafka # one pid file per node, and the path of the data folder
host=127.0.0.1
base_port=${KAFKA_PORT:-19092}
nodes=(1) # every function below takes a node's id, so more nodes are more numbers here

# Sixteen bytes in base64, as Kafka wants it. It is constant because the data never outlives the cluster.
cluster_id=a2Fma2Etbm90aWZ5LTAwMQ

version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$here/pom.xml")
jars=${XDG_CACHE_HOME:-$HOME/.cache}/kafka-notify/kafka-$version
jvm=(java -Xms256m -Xmx1g "-Dlog4j2.configurationFile=$here/log4j2.properties" -cp "$jars/*")

die() {
  printf 'kafka.sh: %s\n' "$*" >&2
  exit 1
}

broker_port() { echo $((base_port + $1 - 1)); }
controller_port() { echo $((base_port + 100 + $1 - 1)); }


brokers() {
  local id out=()
  for id in "${nodes[@]}"; do out+=("$host:$(broker_port "$id")"); done
  (IFS=, && echo "${out[*]}")
}

voters() {
  local id out=()
  for id in "${nodes[@]}"; do out+=("$id@$host:$(controller_port "$id")"); done
  (IFS=, && echo "${out[*]}")
}

fetch() {
  command -v java >/dev/null || die "no java: install a JDK 17 or newer (Debian: openjdk-17-jdk-headless)"
  # The copy of the pom is written last: it says that the folder is complete, and for which pom.
  if cmp -s "$here/pom.xml" "$jars/pom.xml"; then
    return
  fi
  command -v mvn >/dev/null || die "no mvn: install Maven 3 (Debian: maven)"
  echo "fetching Apache Kafka $version into $jars"
  rm -rf "$jars"
  mkdir -p "$jars"
  mvn --batch-mode --quiet -Dstyle.color=never --file "$here/pom.xml" \
    dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$jars"
  cp "$here/pom.xml" "$jars/pom.xml"
}

# running prints the pid of a node that start started. A pid may have been given to somebody else since:
# the command line has to name this cluster's data folder too.
running() {
  local pid
  pid=$(cat "$state/$1.pid" 2>/dev/null) || return 1
  ps -ww -p "$pid" -o args= 2>/dev/null | grep -qF "$(cat "$state/data")" || return 1
  echo "$pid"
}

configure() {
  local id=$1 dir=$2
  mkdir -p "$dir"
  {
    cat "$here/server.properties"
    echo "node.id=$id"
    echo "listeners=PLAINTEXT://$host:$(broker_port "$id"),CONTROLLER://$host:$(controller_port "$id")"
    echo "controller.quorum.voters=$(voters)"
    echo "log.dirs=$dir/data"
  } >"$dir/server.properties"
}

start_node() {
  local id=$1 dir=$2
  configure "$id" "$dir"
  "${jvm[@]}" kafka.tools.StorageTool format --cluster-id "$cluster_id" --config "$dir/server.properties" >"$dir/log" 2>&1 ||
    { tail -n 50 "$dir/log" >&2 && die "could not format the data folder of node $id"; }
  # nohup and the closed standard input let the broker outlive the terminal and the make that started it.
  nohup "${jvm[@]}" kafka.Kafka "$dir/server.properties" >>"$dir/log" 2>&1 </dev/null &
  echo $! >"$state/$id.pid"
}

# brokers_seen asks a node for the cluster's metadata, by hand, in the oldest version of that request: length,
# API key 3, version 0, correlation id 1, no client id, no topics. It prints how many brokers the answer lists:
# a broker that is not ready to serve is not among them.
brokers_seen() (
  exec 3<>"/dev/tcp/$host/$(broker_port "$1")" || return 1
  printf '\0\0\0\16\0\3\0\0\0\0\0\1\377\377\0\0\0\0' >&3
  answer=$(timeout 5 head -c 12 <&3 | od -An -v -tx1 | tr -d ' \n')
  [[ ${answer:8:8} == 00000001 ]] && echo $((16#${answer:16:8}))
) 2>/dev/null

wait_for() {
  local id=$1 dir=$2 until=$((SECONDS + ${KAFKA_WAIT:-120}))
  while [[ $(brokers_seen "$id") != "${#nodes[@]}" ]]; do
    if ! running "$id" >/dev/null; then
      tail -n 50 "$dir/log" >&2
      die "node $id ended: see its log above"
    fi
    if ((SECONDS > until)); then
      tail -n 50 "$dir/log" >&2
      die "node $id does not answer after ${KAFKA_WAIT:-120} s: see its log above"
    fi
    sleep 0.2
  done
}

start() {
  local id data
  if running "${nodes[0]}" >/dev/null; then
    echo "Apache Kafka $version runs already (make kafka-stop ends it)"
    echo "KAFKA_BROKERS=$(brokers)"
    return
  fi
  fetch
  for id in "${nodes[@]}"; do
    if (exec 3<>"/dev/tcp/$host/$(broker_port "$id")") 2>/dev/null; then
      die "port $(broker_port "$id") is taken: choose another one with KAFKA_PORT"
    fi
  done
  [[ ! -d $state ]] || stop # what is left of a cluster that died by itself
  data=$(mktemp -d "${TMPDIR:-/tmp}/kafka-notify-kafka.XXXXXX")
  mkdir -p "$state"
  echo "$data" >"$state/data"
  trap 'stop >&2' EXIT # until everything answers, a failure leaves nothing behind
  for id in "${nodes[@]}"; do start_node "$id" "$data/$id"; done
  for id in "${nodes[@]}"; do wait_for "$id" "$data/$id"; done
  trap - EXIT
  echo "Apache Kafka $version runs; its logs are in $data"
  echo "KAFKA_BROKERS=$(brokers)"
}

stop() {
  local id pid data
  [[ -f $state/data ]] || { echo "no Kafka was started from here" && return; }
  data=$(cat "$state/data")
  for id in "${nodes[@]}"; do
    if pid=$(running "$id"); then kill "$pid"; fi
  done
  for id in "${nodes[@]}"; do
    for _ in {1..150}; do
      running "$id" >/dev/null || break
      sleep 0.2
    done
    if pid=$(running "$id"); then
      echo "node $id did not stop within 30 s: killing it"
      kill -KILL "$pid"
    fi
  done
  rm -rf "$data" "$state"
  echo "Apache Kafka stopped"
}

case ${1:-} in
start) start ;;
stop) stop ;;
brokers) brokers ;;
*) die "usage: kafka.sh start|stop|brokers" ;;
esac
