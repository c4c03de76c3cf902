# shellcheck shell=sh
# What test, demo and bench need before they can start, on a machine with only Node and npm.
# Sourced by scripts that stand in the root folder of the checkout.

# Debian leaves the sbin folders out of an ordinary user's PATH; nft, ip and tcpdump lie there.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export PATH

say() { printf '%s\n' "$*"; }
complain() { printf '%s\n' "$*" >&2; }
step() { printf '\n== %s\n' "$*"; }
is_root() { [ "$(id -u)" = 0 ]; }
has() { command -v "$1" >/dev/null 2>&1; }

require_node() {
  has node || { complain 'Node 20.19 or newer is needed, and was not found'; return 1; }
  has npm || { complain 'npm is needed to fetch pnpm, and was not found'; return 1; }
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    { complain "Node 20.19 or newer is needed; this is $(node --version)"; return 1; }
}

# Puts the pnpm that package.json pins on PATH. Through npm and not corepack, whose check of signatures fails behind
# mirrors that leave them out. Fetched beside its place and moved there whole: an interrupt leaves no half pnpm.
fetch_pnpm() {
  version=$(node -p 'require("./package.json").packageManager.replace(/^pnpm@|[+].*$/g, "")') || return 1
  cache="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/picket"
  place="$cache/pnpm-$version"
  if [ ! -x "$place/node_modules/.bin/pnpm" ]; then
    fresh="$cache/fetching-$$"
    mkdir -p "$fresh"
    if ! npm install --prefix "$fresh" --ignore-scripts --no-audit --no-fund --loglevel=error "pnpm@$version"; then
      rm -rf "$fresh"
      complain "pnpm $version could not be fetched through npm"
      return 1
    fi
    rm -rf "$place"
    mv "$fresh" "$place" || return 1
  fi
  PATH="$place/node_modules/.bin:$PATH"
  export PATH
}

# The packages exactly as the lock file says. A folder of packages made by another pnpm is replaced without asking.
install_packages() {
  pnpm install --frozen-lockfile --prefer-offline --config.confirmModulesPurge=false
}

# missing_packages COMMAND:PACKAGE… prints the packages whose command is not there.
missing_packages() {
  for pair in "$@"; do
    has "${pair%%:*}" || printf '%s ' "${pair#*:}"
  done
}

# ensure_packages COMMAND:PACKAGE… installs what is missing through apt, when that is permitted; else says what is
# missing in one line and fails.
ensure_packages() {
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  if ! is_root || ! has apt-get; then
    complain "not there: ${missing% } (as root: apt-get install ${missing% })"
    return 1
  fi
  step "Debian packages: ${missing% }"
  # One word per package is meant.
  # shellcheck disable=SC2086
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } \
    >/dev/null || { complain "apt-get could not install: ${missing% }"; return 1; }
}

# What the lab needs.
ensure_lab_packages() { ensure_packages ip:iproute2 nft:nftables tcpdump:tcpdump nmap:nmap \
  ping:iputils-ping tcpreplay:tcpreplay conntrack:conntrack iptables:iptables ipset:ipset strace:strace tcpdmatch:tcpd; }
