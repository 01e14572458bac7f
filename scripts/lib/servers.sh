# Private servers on free loopback ports. A server that is set in the environment is used instead.

postgres_data=
server_groups=()

# A free port, below the kernel's range of ephemeral ports.
taken_ports=
free_port() {
  local port
  while :; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    [[ " $taken_ports " = *" $port "* ]] && continue
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  taken_ports+=" $port"
  found_port=$port
}

# until_listening NAME PORT LOG
until_listening() {
  local i
  for ((i = 0; i < 200; i++)); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then
      return
    fi
    sleep 0.05
  done
  echo "scripts/test: $1 does not listen on port $2; its log ends:" >&2
  tail -n 20 "$3" >&2
  return 1
}

# PostgreSQL refuses to run as root.
as_postgres() {
  if [[ $(id -u) -eq 0 ]]; then
    (cd / && runuser -u postgres -- "$@")
  else
    "$@"
  fi
}

start_postgres() {
  local programs
  programs=$(postgres_programs) || return 1
  free_port
  local port=$found_port
  postgres_data=$folder/postgres
  mkdir "$postgres_data"
  [[ $(id -u) -ne 0 ]] || chown postgres: "$postgres_data"
  as_postgres "$programs/initdb" -D "$postgres_data/data" -U yagona -A trust -E UTF8 --locale=C --no-sync \
    >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; return 1; }
  # These databases are temporary, so fsync is off.
  local options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=500"
  options+=" -c fsync=off -c full_page_writes=off -c autovacuum=off -c shared_buffers=64MB"
  as_postgres "$programs/pg_ctl" -D "$postgres_data/data" -s -w -l "$postgres_data/log" \
    -o "$options" start ||
    { cat "$postgres_data/log" >&2; return 1; }
  export YAGONA_TEST_POSTGRES="postgres://yagona@127.0.0.1:$port/postgres"
}

# start_in_group LOG COMMAND…: in its own process group, which is stopped as a whole.
start_in_group() {
  local log=$1
  shift
  set -m
  "$@" </dev/null >"$log" 2>&1 &
  set +m
  server_groups+=("$!")
  disown "$!"
}

start_redis() {
  free_port
  local port=$found_port
  mkdir "$folder/redis"
  start_in_group "$folder/redis/log" redis-server --port "$port" --bind 127.0.0.1 --dir "$folder/redis" \
    --save '' --appendonly no --databases 1024 --daemonize no
  until_listening Redis "$port" "$folder/redis/log" || return 1
  export YAGONA_TEST_REDIS="redis://127.0.0.1:$port"
}

start_webdriver() {
  free_port
  local port=$found_port
  mkdir "$folder/chromium"
  # Chromium's folders are in the temporary folder, which is removed.
  start_in_group "$folder/chromium/log" env TMPDIR="$folder/chromium" chromedriver --port="$port"
  until_listening ChromeDriver "$port" "$folder/chromium/log" || return 1
  export YAGONA_TEST_WEBDRIVER="http://127.0.0.1:$port"
}

# start_servers QUICK
start_servers() {
  [[ -n ${YAGONA_TEST_POSTGRES:-} ]] || start_postgres || return 1
  [[ -n ${YAGONA_TEST_REDIS:-} ]] || start_redis || return 1
  if [[ $1 = no && -z ${YAGONA_TEST_WEBDRIVER:-} ]]; then
    start_webdriver || return 1
  fi
  echo "PostgreSQL $YAGONA_TEST_POSTGRES"
  echo "Redis      $YAGONA_TEST_REDIS"
  echo "WebDriver  ${YAGONA_TEST_WEBDRIVER:-not started: no browser tests}"
}

stop_servers() {
  local group
  for group in ${server_groups[@]+"${server_groups[@]}"}; do
    kill -TERM -- "-$group" 2>/dev/null || true
  done
  if [[ -n $postgres_data && -e $postgres_data/data/postmaster.pid ]]; then
    as_postgres "$(postgres_programs)/pg_ctl" -D "$postgres_data/data" -s -m immediate stop || true
  fi
  local i
  for group in ${server_groups[@]+"${server_groups[@]}"}; do
    for ((i = 0; i < 40; i++)); do
      kill -0 -- "-$group" 2>/dev/null || break
      sleep 0.05
    done
    kill -KILL -- "-$group" 2>/dev/null || true
  done
}
