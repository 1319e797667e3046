# Licensed under the Apache License, Version 2.0; see LICENSE.
# What build/quickstart and build/check share: telling how far we are,
# packages, and a build of the tree in build/out/NAME.
# shellcheck shell=bash
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What it takes to build the modules and to run them. Of httpd only the
# program: the package apache2 would start a server of its own.
packages_to_build=(gcc libc6-dev make autoconf automake libtool perl
                   apache2-dev apache2-ssl-dev apache2-bin libidn2-dev libidn-dev
                   libssl-dev libunbound-dev libjansson-dev libcurl4-openssl-dev
                   zlib1g-dev openssl)

say()
{
    printf '==> %s\n' "$*"
}

# fail WHAT [REMEDY...]: ends the script; each remedy is a line of its own.
fail()
{
    printf '\nerror: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
    exit 1
}

# logged LOG COMMAND...: its output goes to LOG, a dot to the screen now and
# then; on failure the last lines are shown.
logged()
{
    local log=$1
    shift

    if "$@" </dev/null 2>&1 | tee -a "$log" |
            awk 'NR % 8 == 0 { printf "."; fflush() } END { print "" }'; then
        return 0
    fi
    tail -n 25 "$log" >&2
    fail "this did not work: $*" "All of its output is in $log."
}

# Packages of those named that are not installed.
missing_packages()
{
    local package

    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" \
             2>/dev/null)" = installed ] || echo "$package"
    done
}

# as_root COMMAND...: fails at once where it would have to ask for a password.
as_root()
{
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# need_packages PACKAGE...: installs what is missing.
need_packages()
{
    local missing log become='su -c'

    if ! command -v dpkg-query >/dev/null; then
        say "No Debian: install what configure asks for by hand."
        return
    fi
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    say "Installing ${missing[*]}"
    if ! as_root true 2>/dev/null; then
        ! command -v sudo >/dev/null || become='sudo sh -c'
        fail "packages are missing, and installing them needs root." \
            "Run this, then try again:" "" \
            "$become 'apt-get update && apt-get install -y \\" \
            "    --no-install-recommends ${missing[*]}'"
    fi
    log=$(mktemp)
    logged "$log" as_root "$top/build/install-packages" "${missing[@]}"
    rm -f "$log"
}

# build_in NAME TARGET [CONFIGURE-ARGUMENT...]: builds in build/out/NAME.
build_in()
{
    local out=$top/build/out/$1 target=$2
    shift 2

    if ! mkdir -p "$out" 2>/dev/null ||
            ! : 2>/dev/null >>"$out/lock" || ! : 2>/dev/null >>"$out/build.log"
    then
        fail "cannot write to $out, which belongs to another user" \
            "Make a checkout of your own: git clone $top"
    fi
    # Two runs at once would build over each other.
    exec 9>"$out/lock"
    flock 9
    : >"$out/build.log"
    cd "$top"
    build/autogen --if-old >>"$out/build.log" 2>&1 ||
        fail "build/autogen failed; its output is in $out/build.log"
    cd "$out"
    if [ ! -e Makefile ] || [ "$(cat configured 2>/dev/null)" != "$*" ]; then
        logged "$out/build.log" "$top/configure" "$@"
        echo "$*" >configured
    fi
    # shellcheck disable=SC2086
    logged "$out/build.log" make -j"$(nproc)" $target
    exec 9>&-
    cd "$top"
}
