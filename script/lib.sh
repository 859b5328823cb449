# Shared by the scripts here: packages, a private PostgreSQL, a throw-away cluster. To be sourced, with `set -euo pipefail`.
# Nothing of an existing installation or cluster is touched: the server's programs are copied into a temporary
# prefix (PostgreSQL finds its other directories relative to its programs), and Pulse is installed only there.

PG_MAJOR=${PG_MAJOR:-15}
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

# Install the Debian packages that are missing.
need_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    say "Installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    # No cluster of the distribution's own is made: everything here runs in private ones.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql-common >/dev/null
    if ! dpkg-query -W -f '${Status}' "postgresql-$PG_MAJOR" 2>/dev/null | grep -q 'ok installed'; then
        as_root mkdir -p /etc/postgresql-common/createcluster.d
        echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.d/pulse-test.conf >/dev/null
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    as_root rm -f /etc/postgresql-common/createcluster.d/pulse-test.conf
}

BUILD_PACKAGES=(make g++ "postgresql-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR" libpq-dev nlohmann-json3-dev libboost-dev libcurl4-openssl-dev libssl-dev)
TEST_PACKAGES=(libgtest-dev libipc-run-perl "postgresql-$PG_MAJOR-cron" clang libclang-rt-14-dev)

# Install node, npm and Java, where they are missing, and the peers of test/peers/package.json into $1/peers; sets PULSE_PEERS
# to the directory for the TAP tests. Versions are exact; a lock file would name a registry, so there is none.
need_node() {
    local missing=()
    command -v node >/dev/null || missing+=(nodejs)
    command -v npm >/dev/null || missing+=(npm)
    command -v java >/dev/null || missing+=(default-jre-headless)
    command -v openssl >/dev/null || missing+=(openssl)
    if [ ${#missing[@]} -gt 0 ]; then
        say "Installing ${missing[*]}"
        as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    fi
    export PULSE_PEERS=$1/peers
    mkdir -p "$PULSE_PEERS"
    cp "$TOP/test/peers/package.json" "$PULSE_PEERS/"
    (cd "$PULSE_PEERS" && npm install --no-audit --no-fund --no-package-lock --no-update-notifier --loglevel=error >npm.log 2>&1) ||
        { cat "$PULSE_PEERS/npm.log"; return 1; }
    chmod -R a+rX "$PULSE_PEERS"
}

# Make a private copy of PostgreSQL in $1/pg; sets PG_BIN and PG_CONFIG.
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
