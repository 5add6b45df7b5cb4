#!/usr/bin/env bash
# Runs an Apache Kafka for the tests: KRaft mode, loopback only, its data in a temporary folder.
#
#   kafka.sh start       fetches Kafka from Maven Central, starts it, waits for it, prints KAFKA_BROKERS=...
#   kafka.sh stop        ends what start started, and removes its data
#   kafka.sh kill N      ends node N with SIGKILL; its data stays
#   kafka.sh restart N   starts node N again on its data, and waits until it serves
#   kafka.sh brokers     prints the addresses alone
#   kafka.sh proxied     prints the addresses of the listeners that are meant to stand behind proxies
#   kafka.sh advertised  prints the addresses that those listeners send their clients on to: where the proxies listen
#   kafka.sh logs        prints the files that the nodes log to
#   kafka.sh version     prints the release of Kafka
#
# BROKERS (1) is how many nodes start starts; each is broker and controller. With three or more everything is
# replicated threefold, and written once two have it.
# KAFKA_PORT (19092) is the port of the first broker; its controller listens 100 above, its proxied listener 200 above.
# KAFKA_PROXY_PORT is where a proxy in front of the first broker listens; the next broker's is one above. Without it
# the proxied listeners advertise themselves.
# KAFKA_HEAP (1g for one node, 512m each for several) is a node's heap. A node keeps a file open for each partition and
# maps two: 20,000 people's topics are too many for one where `ulimit -n` is 20,000 or vm.max_map_count is 65,530.
# KAFKA_WAIT (120) is how many seconds the cluster has to answer.
# KAFKA_STATE (.kafka) is the folder that remembers what runs: a second cluster needs one of its own.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
state=$(cd "$root" && realpath -m "${KAFKA_STATE:-.kafka}") # one pid file per node, and what start was told
host=127.0.0.1

# Sixteen bytes in base64, as Kafka wants it. It is constant because the data never outlives the cluster.
cluster_id=a2Fma2Etbm90aWZ5LTAwMQ

version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$here/pom.xml")
jars=${XDG_CACHE_HOME:-$HOME/.cache}/kafka-notify/kafka-$version

die() {
  printf 'kafka.sh: %s\n' "$*" >&2
  exit 1
}

# settle decides on the cluster's size and ports.
settle() {
  count=$1 base_port=$2 proxy_port=$3
  [[ $count =~ ^[1-9]$ ]] || die "BROKERS is a number from 1 to 9, not $count"
  mapfile -t nodes < <(seq "$count")
}

settle_by_environment() {
  local port=${KAFKA_PORT:-19092}
  settle "${BROKERS:-1}" "$port" "${KAFKA_PROXY_PORT:-$((port + 200))}"
}

settle_by_environment
# What start was told holds for the other commands too, whatever their environment says.
if [[ -f $state/settings ]]; then
  read -r -a settings <"$state/settings"
  settle "${settings[@]}"
fi

# jvm becomes the Java process that runs a class of Kafka's. Several nodes share a machine: each is content with less
# memory, and with the collector that costs the others least.
jvm() {
  local modest=("-Xmx${KAFKA_HEAP:-1g}")
  ((count == 1)) || modest=("-Xmx${KAFKA_HEAP:-512m}" -XX:+UseSerialGC)
  exec java -Xms256m "${modest[@]}" "-Dlog4j2.configurationFile=$here/log4j2.properties" -cp "$jars/*" "$@"
}

broker_port() { echo $((base_port + $1 - 1)); }
controller_port() { echo $((base_port + 100 + $1 - 1)); }
proxied_port() { echo $((base_port + 200 + $1 - 1)); }
advertised_port() { echo $((proxy_port + $1 - 1)); }

# addresses prints all nodes' host:port, separated by commas. $1 names the function that knows the port.
addresses() {
  local id out=()
  for id in "${nodes[@]}"; do out+=("$host:$("$1" "$id")"); done
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
    ((count < 3)) || cat "$here/replicated.properties"
    echo "node.id=$id"
    echo "listeners=PLAINTEXT://$host:$(broker_port "$id"),PROXIED://$host:$(proxied_port "$id"),CONTROLLER://$host:$(controller_port "$id")"
    echo "advertised.listeners=PLAINTEXT://$host:$(broker_port "$id"),PROXIED://$host:$(advertised_port "$id")"
    echo "controller.quorum.voters=$(voters)"
    echo "log.dirs=$dir/data"
  } >"$dir/server.properties"
}

format() {
  local id=$1 dir=$2
  configure "$id" "$dir"
  (jvm kafka.tools.StorageTool format --cluster-id "$cluster_id" --config "$dir/server.properties") >"$dir/log" 2>&1 ||
    { tail -n 50 "$dir/log" >&2 && die "could not format the data folder of node $id"; }
}

launch() {
  local id=$1 dir=$2 pid
  # Deaf to SIGHUP and without standard input the broker outlives the terminal and the make that started it.
  (trap '' HUP && jvm kafka.Kafka "$dir/server.properties") >>"$dir/log" 2>&1 </dev/null &
  pid=$!
  echo "$pid" >"$state/$id.pid"
  # Until it has become Java, it has this script's command line, and nobody would take it for the node.
  while ! running "$id" >/dev/null && kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
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

# wait_for waits until node $1 sees $3 brokers or more.
wait_for() {
  local id=$1 dir=$2 want=$3 seen until=$((SECONDS + ${KAFKA_WAIT:-120}))
  while seen=$(brokers_seen "$id") || true && ((${seen:-0} < want)); do
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

# alive counts the nodes that run.
alive() {
  local id n=0
  for id in "${nodes[@]}"; do
    ! running "$id" >/dev/null || n=$((n + 1))
  done
  echo "$n"
}

start() {
  local id data port
  if (($(alive) > 0)); then
    ((count == ${BROKERS:-$count})) || die "a cluster of $count runs already: end it first (kafka.sh stop)"
    echo "Apache Kafka $version runs already (make kafka-stop ends it)"
    echo "KAFKA_BROKERS=$(addresses broker_port)"
    return
  fi
  fetch
  [[ ! -d $state ]] || stop # what is left of a cluster that died by itself
  settle_by_environment
  for id in "${nodes[@]}"; do
    for port in "$(broker_port "$id")" "$(controller_port "$id")" "$(proxied_port "$id")"; do
      if (exec 3<>"/dev/tcp/$host/$port") 2>/dev/null; then
        die "port $port is taken: choose another one with KAFKA_PORT"
      fi
    done
  done
  data=$(mktemp -d "${TMPDIR:-/tmp}/kafka-notify-kafka.XXXXXX")
  mkdir -p "$state"
  echo "$data" >"$state/data"
  echo "$count $base_port $proxy_port" >"$state/settings"
  trap 'stop >&2' EXIT # until everything answers, a failure leaves nothing behind
  for id in "${nodes[@]}"; do format "$id" "$data/$id"; done
  for id in "${nodes[@]}"; do launch "$id" "$data/$id"; done
  for id in "${nodes[@]}"; do wait_for "$id" "$data/$id" "$count"; done
  trap - EXIT
  echo "Apache Kafka $version runs; its logs are in $data"
  echo "KAFKA_BROKERS=$(addresses broker_port)"
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
      # The last one of several waits in vain for a quorum, and nobody wants its data.
      ((count == 1 || $(alive) > 1)) || break
      sleep 0.2
    done
    if pid=$(running "$id"); then
      ((count > 1)) || echo "node $id did not stop within 30 s: killing it"
      kill -KILL "$pid"
      await_end "$id"
    fi
  done
  rm -rf "$data" "$state"
  echo "Apache Kafka stopped"
}

await_end() {
  for _ in {1..50}; do
    running "$1" >/dev/null || return 0
    sleep 0.1
  done
  die "node $1 does not end"
}

# node checks that $1 is one of the cluster's nodes.
node() {
  [[ -f $state/data ]] || die "no Kafka was started from here"
  [[ " ${nodes[*]} " == *" ${1:-} "* ]] || die "name one of the nodes ${nodes[*]}"
}

kill_node() {
  local pid
  node "${1:-}"
  pid=$(running "$1") || die "node $1 does not run"
  kill -KILL "$pid"
  await_end "$1"
}

restart_node() {
  local dir
  node "${1:-}"
  ! running "$1" >/dev/null || die "node $1 runs"
  dir=$(cat "$state/data")/$1
  launch "$1" "$dir"
  wait_for "$1" "$dir" "$(alive)"
}

logs() {
  local id
  node 1
  for id in "${nodes[@]}"; do echo "$(cat "$state/data")/$id/log"; done
}

case ${1:-} in
start) start ;;
stop) stop ;;
kill) kill_node "${2:-}" ;;
restart) restart_node "${2:-}" ;;
brokers) addresses broker_port ;;
proxied) addresses proxied_port ;;
advertised) addresses advertised_port ;;
logs) logs ;;
version) echo "$version" ;;
*) die "usage: kafka.sh start|stop|kill N|restart N|brokers|proxied|advertised|logs|version" ;;
esac
