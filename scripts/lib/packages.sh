# Installs missing Debian packages.

require_rust() {
  local tool
  for tool in cargo cargo-fmt cargo-clippy; do
    if ! command -v "$tool" >/dev/null; then
      echo "scripts/test: $tool is missing; Rust with rustfmt and clippy comes from https://rustup.rs" >&2
      exit 1
    fi
  done
}

# The bin folder of the newest installed PostgreSQL; Debian does not add it to PATH.
postgres_programs() {
  local folder
  folder=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
  if [[ -z $folder || ! -x $folder/initdb ]]; then
    folder=$(dirname "$(command -v initdb 2>/dev/null || echo /nowhere/initdb)")
  fi
  [[ -x $folder/initdb ]] && echo "$folder"
}

# missing_packages QUICK: their names, if any.
missing_packages() {
  local packages=()
  command -v cc >/dev/null || packages+=(gcc libc6-dev)
  [[ -n ${YAGONA_TEST_POSTGRES:-} ]] || postgres_programs >/dev/null || packages+=(postgresql)
  [[ -n ${YAGONA_TEST_REDIS:-} ]] || command -v redis-server >/dev/null || packages+=(redis-server)
  # A module of Debian's own Python: a mail server for tests.
  /usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || packages+=(python3-aiosmtpd)
  if [[ $1 = no ]]; then
    command -v chromium >/dev/null || packages+=(chromium)
    [[ -n ${YAGONA_TEST_WEBDRIVER:-} ]] || command -v chromedriver >/dev/null || packages+=(chromium-driver)
    [[ -n $(fc-list :lang=uz family 2>/dev/null) ]] || packages+=(fontconfig fonts-dejavu-core)
    command -v node >/dev/null || packages+=(nodejs)
    command -v npm >/dev/null || packages+=(npm)
    python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3 python3-venv)
    python3 -c 'import yaml' 2>/dev/null || packages+=(python3-yaml)
    command -v nginx >/dev/null || packages+=(nginx-light)
    command -v systemd-analyze >/dev/null || packages+=(systemd)
    command -v curl >/dev/null || packages+=(curl)
    command -v openssl >/dev/null || packages+=(openssl)
    [[ -r /etc/ssl/certs/ca-certificates.crt ]] || packages+=(ca-certificates)
    command -v javac >/dev/null || packages+=(default-jdk-headless)
    command -v mvn >/dev/null || packages+=(maven)
    [[ -e /usr/lib/apache2/modules/mod_auth_openidc.so ]] || packages+=(libapache2-mod-auth-openidc)
    compgen -G '/usr/lib/apache2/modules/libphp*.so' >/dev/null || packages+=(libapache2-mod-php)
  fi
  echo "${packages[*]-}"
}

install_missing_packages() {
  local packages
  packages=$(missing_packages "$1")
  if [[ -z $packages ]]; then
    echo "everything is here"
    return
  fi
  echo "installing: $packages"
  local root=()
  if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
      echo "scripts/test: to install $packages, run it as root or with sudo installed" >&2
      return 1
    fi
    root=(sudo)
  fi
  ${root[@]+"${root[@]}"} apt-get update -qq || return 1
  # shellcheck disable=SC2086 # a list of words
  ${root[@]+"${root[@]}"} env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $packages >"$folder/apt.log" 2>&1 || {
    tail -n 40 "$folder/apt.log" >&2
    return 1
  }
  packages=$(missing_packages "$1")
  if [[ -n $packages ]]; then
    echo "scripts/test: still missing after the installation: $packages" >&2
    return 1
  fi
}

# install_python VENV REQUIREMENTS: an environment of its own, made anew when the requirements change.
install_python() {
  local stamp=$1/.installed-requirements
  if ! cmp -s "$2" "$stamp"; then
    rm -rf "$1"
    python3 -m venv "$1" || return 1
    "$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$2" || return 1
    cp "$2" "$stamp"
  fi
}

# install_clients FOLDER: client libraries and axe-core from npm, client libraries from PyPI, at the pinned versions.
install_clients() {
  local stamp=$1/node_modules/.installed-lock
  if ! cmp -s "$1/package-lock.json" "$stamp"; then
    npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error || return 1
    cp "$1/package-lock.json" "$stamp"
  fi
  install_python "$1/.venv" "$1/requirements.txt" || return 1
  install_python "$1/.venv-idegovuz" "$1/requirements-idegovuz.txt" || return 1
  echo "those of npm in $1/node_modules, those of PyPI in $1/.venv"
}
