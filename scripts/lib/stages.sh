# Stages with their durations, printed as a table at the end.

stage_names=()
stage_seconds=()
stage_running=

# stage NAME COMMAND…: runs a command in this shell and records its duration, even if it fails.
stage() {
  stage_running=$1
  local began=$EPOCHREALTIME
  shift
  printf '\n== %s ==\n' "$stage_running"
  local status=0
  "$@" || status=$?
  stage_names+=("$stage_running")
  stage_seconds+=("$(elapsed "$began")")
  if [[ $status -ne 0 ]]; then
    exit "$status"
  fi
  stage_running=
}

# elapsed SINCE: seconds with one decimal.
elapsed() {
  local now=$EPOCHREALTIME
  local tenths=$(((${now/[.,]/} - ${1/[.,]/}) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# print_stages STATUS
print_stages() {
  [[ ${#stage_names[@]} -gt 0 ]] || return 0
  printf '\n%-22s %10s\n' stage seconds
  local i
  for i in "${!stage_names[@]}"; do
    printf '%-22s %10s\n' "${stage_names[$i]}" "${stage_seconds[$i]}"
  done
  if [[ $1 -ne 0 ]]; then
    printf 'FAILED%s (exit status %d)\n' "${stage_running:+ in: $stage_running}" "$1"
  fi
}
