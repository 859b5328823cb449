# Shared by the scripts here: packages, a private PostgreSQL, a throw-away cluster. To be sourced, with `set -euo pipefail`.
# Nothing of an existing installation or cluster is touched: the server's programs are copied into a temporary
# prefix (PostgreSQL finds its other directories relative to its programs), and Pulse is installed only there.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '\n== %s\n' "$*"; }

# Run a command as root: as it is, or through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# Run a command as a user that PostgreSQL accepts: the caller, or postgres when the caller is root.
as_server() {
    if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

# Print those of the packages that are not installed.
missing_packages() {
    local installed package
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true)
    for package in "$@"; do grep -qxF "$package" <<<"$installed" || echo "$package"; done
}

# Read apt's lists anew, once in a run.
update_lists() {
    [ -n "${lists_updated:-}" ] && return
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    lists_updated=1
}

# Whether apt offers a package.
offered() { apt-cache show "$1" >/dev/null 2>&1; }

# Set PG_MAJOR where the caller has not: the newest PostgreSQL installed with its server headers, else the newest that apt offers.
find_postgres() {
    [ -n "${PG_MAJOR:-}" ] && return
    PG_MAJOR=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 'postgresql-server-dev-*' 2>/dev/null |
        sed -n 's/^installed postgresql-server-dev-\([0-9]*\)$/\1/p' | sort -n | tail -1 || true)
    if [ -z "$PG_MAJOR" ]; then
        update_lists
        PG_MAJOR=$(apt-cache pkgnames postgresql-server-dev- | sed -n 's/^postgresql-server-dev-\([0-9]*\)$/\1/p' | sort -n | tail -1)
    fi
    [ -n "$PG_MAJOR" ] && return
    echo "apt offers no package postgresql-server-dev-NN" >&2
    return 1
}

# What building needs, after find_postgres.
build_packages() {
    echo make g++ "postgresql-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR" libpq-dev nlohmann-json3-dev libboost-dev libcurl4-openssl-dev libssl-dev zlib1g-dev
}

# What the tests need besides; sanitizers and libFuzzer are a package of clang's own version.
test_packages() {
    echo libgtest-dev libipc-run-perl perl clang
    local version
    version=$(apt-cache depends clang 2>/dev/null | sed -n 's/^ *Depends: clang-\([0-9]*\)$/\1/p' | head -1)
    echo "libclang-rt-$version-dev"
    # Not every release has these. clang-format writes differently from version to version: the tree is as 14 writes it.
    local package
    for package in "postgresql-$PG_MAJOR-cron" clang-format-14; do if offered "$package"; then echo "$package"; fi; done
}

# Install the Debian packages that building needs, and those that the tests need where $1 is "test". Sets PG_MAJOR.
need_packages() {
    find_postgres
    # Without lists apt knows neither clang's version nor what this release lacks.
    if [ "${1:-}" = test ] && ! offered clang; then update_lists; fi
    local wanted missing
    wanted=$(build_packages; [ "${1:-}" != test ] || test_packages)
    # shellcheck disable=SC2086
    mapfile -t missing < <(missing_packages $wanted)
    if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}"; fi
}

install_packages() {
    say "Installing $*"
    update_lists
    # No cluster of the distribution's own is made: everything here runs in private ones.
    local conf=/etc/postgresql-common/createcluster.d/pulse-test.conf made=
    if [ -n "${PG_MAJOR:-}" ] && [ -n "$(missing_packages "postgresql-$PG_MAJOR")" ]; then
        made=1
        as_root mkdir -p "$(dirname $conf)"
        echo 'create_main_cluster = false' | as_root tee "$conf" >/dev/null
    fi
    local status=0
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null || status=$?
    [ -z "$made" ] || as_root rm -f "$conf"
    return $status
}

# Install what the TAP tests' peers run on, where it is missing, and the peers in $1/peers.
need_node() {
    local missing=()
    command -v node >/dev/null || missing+=(nodejs)
    command -v java >/dev/null || missing+=(default-jre-headless)
    command -v openssl >/dev/null || missing+=(openssl)
    command -v curl >/dev/null || missing+=(curl)
    [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
    need_peers "$1"
}

# Install the packages of test/peers/package.json in $1/peers and set PULSE_PEERS to that directory. Whoever has them already names
# their directory in PULSE_PEERS. Versions are exact; a lock file would name a registry, so there is none.
need_peers() {
    [ -z "${PULSE_PEERS:-}" ] || return 0
    command -v npm >/dev/null || install_packages npm ca-certificates
    mkdir -p "$1/peers"
    cp "$TOP/test/peers/package.json" "$1/peers/"
    (cd "$1/peers" && npm install --no-audit --no-fund --no-package-lock --no-update-notifier --loglevel=error >npm.log 2>&1) ||
        { cat "$1/peers/npm.log"; return 1; }
    chmod -R a+rX "$1/peers"
    export PULSE_PEERS=$1/peers
}

# Set PULSE_NGINX to nginx's program, which is unpacked in $1/nginx where it is missing: installing it would start it.
need_nginx() {
    [ -z "${PULSE_NGINX:-}" ] || return 0
    PULSE_NGINX=$(PATH=$PATH:/usr/sbin command -v nginx || true)
    if [ -z "$PULSE_NGINX" ]; then
        update_lists
        mkdir -p "$1/nginx"
        (cd "$1/nginx" && apt-get download -qq nginx >download.log 2>&1 && dpkg -x nginx_*.deb .) || { cat "$1/nginx/download.log"; return 1; }
        chmod -R a+rX "$1/nginx"
        PULSE_NGINX=$1/nginx/usr/sbin/nginx
    fi
    export PULSE_NGINX
}

# Install the browser in which the tests open the console: the one without windows takes half the processor time. Sets PULSE_CHROMIUM.
need_chromium() {
    export PULSE_CHROMIUM=${PULSE_CHROMIUM:-/usr/bin/chromium-headless-shell}
    [ -x "$PULSE_CHROMIUM" ] || install_packages chromium-headless-shell fonts-dejavu-core
}

# Make a private copy of PostgreSQL in $1/pg; sets PG_BIN and PG_CONFIG. After need_packages.
private_postgres() {
    local system=/usr/lib/postgresql/$PG_MAJOR prefix=$1/pg
    mkdir -p "$prefix/lib/postgresql/$PG_MAJOR" "$prefix/share/postgresql" "$prefix/include"
    if [ ! -d "$prefix/lib/postgresql/$PG_MAJOR/bin" ]; then
        cp -r "$system/bin" "$prefix/lib/postgresql/$PG_MAJOR/"
        cp -rs "$system/lib" "$prefix/lib/postgresql/$PG_MAJOR/"
        cp -rs "/usr/share/postgresql/$PG_MAJOR" "$prefix/share/postgresql/"
        ln -sfn /usr/include/postgresql "$prefix/include/postgresql"
    fi
    PG_BIN=$prefix/lib/postgresql/$PG_MAJOR/bin
    PG_CONFIG=$PG_BIN/pg_config
    export PG_CONFIG PATH="$PG_BIN:$PATH"
}

# Copy the source tree, without what was built in it, to $1 and work there from now on: builds leave the tree as it
# was, always start from nothing, and the server's user can read what it needs wherever the tree lies.
copy_source() {
    mkdir -p "$1"
    tar -C "$TOP" --exclude=./.git --exclude=./build --exclude='*.o' --exclude='*.d' --exclude='*.so' --exclude='*.bc' \
        --exclude=./test/results -cf - . | tar -C "$1" --no-same-owner -xf -
    chmod -R a+rX "$1"
    rm -f "$1"/sql/pulse--"$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$1/pulse.control")".sql
    TOP=$1
}

# A new directory for everything a run makes, which the server's user can reach; removed by clean_up.
work_directory() {
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/$1.XXXXXX")
    chmod 755 "$WORK"
}

# A free TCP port.
free_port() { perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'; }

# Make and start a cluster in $1/data that listens only on a socket in $1; sets PGHOST, PGPORT, PGUSER.
# Extra lines for postgresql.conf come on standard input when $2 is "-".
start_cluster() {
    local dir=$1
    [ "$(id -u)" -eq 0 ] && chown postgres "$dir"
    as_server "$PG_BIN/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.log"
    as_server tee -a "$dir/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$dir'
fsync = off
timezone = 'UTC'
log_min_messages = warning
log_line_prefix = '%m [%p] %q%a '
max_prepared_transactions = 10
CONF
    [ "${2:-}" = "-" ] && as_server tee -a "$dir/data/postgresql.conf" >/dev/null
    PGHOST=$dir PGPORT=$(free_port) PGUSER=postgres
    export PGHOST PGPORT PGUSER
    as_server "$PG_BIN/pg_ctl" -s -w -D "$dir/data" -l "$dir/server.log" -o "-p $PGPORT" start
}

stop_cluster() {
    [ -f "$1/data/postmaster.pid" ] || return 0
    as_server "$PG_BIN/pg_ctl" -s -m immediate -D "$1/data" stop || true
}

# Build and install Pulse into the private PostgreSQL. Compiling reads the headers of the system's PostgreSQL, where the
# private one's lead as well: so the compiler's command line is the same in every directory, which is what ccache asks for.
build_pulse() {
    local cxx=${CXX:-g++}
    if [ -z "${CXX:-}" ] && command -v ccache >/dev/null; then cxx="ccache g++"; fi
    CCACHE_NOHASHDIR=1 make -s -C "$TOP" -j"$(nproc)" PG_CONFIG="/usr/lib/postgresql/$PG_MAJOR/bin/pg_config" CXX="$cxx" "$@"
    make -s -C "$TOP" install PG_CONFIG="$PG_CONFIG" "$@" >/dev/null
}

# Build pulse-http with sanitizers, for the tests.
build_gateway_asan() {
    local cxx=${CXX:-g++}
    if [ -z "${CXX:-}" ] && command -v ccache >/dev/null; then cxx="ccache g++"; fi
    CCACHE_NOHASHDIR=1 make -s -C "$TOP" -j"$(nproc)" PG_CONFIG="/usr/lib/postgresql/$PG_MAJOR/bin/pg_config" CXX="$cxx" gateway-asan
}
