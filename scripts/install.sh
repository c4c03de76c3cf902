#!/bin/sh
# Installs Picket's agent on this host as a systemd service, from a join key. The collector serves this file at
# /install.sh with its own address and the agent's checksum in it. One file, because a host fetches exactly one; all of it
# in functions, so that a cut download does nothing.
# Exit status: 0 done; 1 failed, and undone; 2 wrong usage; 3 not built for this system; 4 something is missing.
set -eu

PICKET_URL='@PICKET_URL@'
AGENT_SHA256='@AGENT_SHA256@'

# Least Node version; package.json says the same.
NODE_MAJOR=20
NODE_MINOR=19

NAME=picket-agent
LIB=/usr/local/lib/picket
WRAPPER=/usr/local/bin/picket-agent
ETC=/etc/picket
CONFIG=$ETC/picket.toml
STATE=/var/lib/picket
UNIT=/etc/systemd/system/$NAME.service
RESTORE=/etc/systemd/system/picket-restore.service
# Where the agent writes whom TCP wrappers refuse: a file of patterns, which a line of WRAPPERS names.
HOSTS=/var/lib/picket-denied
WRAPPERS=/etc/hosts.deny

usage() {
  cat <<'END'
usage: install.sh [options]               install or upgrade the agent, enrol this host, start the service
       install.sh --uninstall [options]   stop the agent and remove all of it

  --join-key-file FILE  read the join key from FILE, "-" is standard input; else it is asked for
  --agent-file FILE     take agent.mjs from FILE instead of downloading it
  --url URL             download from this collector instead of the one this script came from
  --config FILE         install FILE as /etc/picket/picket.toml
  --insecure-http       allow plain http to a collector that is not on this machine (a lab)
  --keep-state          with --uninstall: keep /etc/picket/picket.toml and /var/lib/picket
  --dry-run             say what would be done, and do nothing
END
}

say() { printf '%s\n' "$*"; }
warn() { printf 'install.sh: %s\n' "$*" >&2; }
fail() { warn "$1"; exit "${2:-1}"; }
has() { command -v "$1" >/dev/null 2>&1; }
user_exists() { id "$NAME" >/dev/null 2>&1; }

parse_options() {
  key_file='' agent_file='' url='' config_file='' uninstall='' keep_state='' dry_run='' insecure_http=''
  while [ $# -gt 0 ]; do
    case $1 in
      --join-key-file | --agent-file | --url | --config)
        [ -n "${2:-}" ] || fail "$1 needs a value" 2 ;;
    esac
    case $1 in
      --join-key-file) key_file=$2; shift ;;
      --agent-file) agent_file=$2; shift ;;
      --url) url=$2; shift ;;
      --config) config_file=$2; shift ;;
      --insecure-http) insecure_http=yes ;;
      --uninstall) uninstall=yes ;;
      --keep-state) keep_state=yes ;;
      --dry-run) dry_run=yes ;;
      --help) usage; exit 0 ;;
      --join-key | --join-key=*) fail 'other users can see a command line: give the join key with --join-key-file' 2 ;;
      *) usage >&2; fail "unknown option: $1" 2 ;;
    esac
    shift
  done
  [ -z "$keep_state" ] || [ -n "$uninstall" ] || fail '--keep-state goes with --uninstall' 2
  [ -z "$uninstall" ] || [ -z "$key_file$agent_file$url$config_file$insecure_http" ] ||
    fail '--uninstall goes with --keep-state and --dry-run only' 2
  PICKET_URL=${url:-$PICKET_URL}
  PICKET_URL=${PICKET_URL%/}
  check_insecure_http
}

# A config that is there stays as a person wrote it: the setting would be missing in it, and enrolment would fail late.
check_insecure_http() {
  [ -n "$insecure_http" ] || return 0
  kept=${config_file:-$CONFIG}
  [ -e "$kept" ] || return 0
  ! sets_insecure_http "$kept" || return 0
  fail "--insecure-http does not change $kept: write \"allow_insecure_http = true\" below its line [uplink]. Nothing was changed." 2
}

sets_insecure_http() { # FILE
  sed -n '/^[[:space:]]*\[/h; G; s/\n[[:space:]]*/ /p' "$1" | grep -Eq \
    '^[[:space:]]*allow_insecure_http[[:space:]]*=[[:space:]]*true[[:space:]]*(#.*)? \[[[:space:]]*uplink[[:space:]]*\]|^[[:space:]]*uplink\.allow_insecure_http[[:space:]]*=[[:space:]]*true'
}

not_built() { fail "$1: not built yet. This version of Picket installs on Linux with systemd. Nothing was changed." 3; }

check_system() {
  system=$(uname -s)
  case $system in
    Linux) ;;
    SunOS) not_built 'Solaris and illumos' ;;
    *) not_built "$system" ;;
  esac
  # sd_booted(3): this folder is there exactly when systemd is the init system.
  { [ -d /run/systemd/system ] && has systemctl; } ||
    not_built "Linux without systemd (init here is \"$(cat /proc/1/comm 2>/dev/null || echo unknown)\")"
}

lacks() { missing="$missing
  - $1"; }

check_needs() {
  missing=''
  [ -n "$dry_run" ] || [ "$(id -u)" = 0 ] || lacks 'root: run this script with sudo'
  find_node
  [ -n "$node" ] || lacks "Node $NODE_MAJOR.$NODE_MINOR or newer${node_seen:+ ($node_seen)}. Debian 13: apt-get install nodejs;\
 Debian 12 has an older one: take it from https://nodejs.org/en/download, for all users (not in a home folder)"
  has nft || lacks 'nft: apt-get install nftables'
  has tcpdump || lacks 'tcpdump: apt-get install tcpdump'
  has setpriv || lacks 'setpriv: apt-get install util-linux'
  has useradd || lacks 'useradd: apt-get install passwd'
  has sha256sum || lacks 'sha256sum: apt-get install coreutils'
  [ -n "$agent_file" ] || has curl || has wget || lacks 'curl or wget: apt-get install curl (or use --agent-file)'
  [ -z "$missing" ] || fail "this host lacks:$missing
Nothing was changed." 4
  has logger || say 'note: without "logger" (package bsdutils) the agent writes to the journal only'
}

# The service cannot see home folders, so a Node in one of them does not count.
find_node() {
  node='' node_seen=''
  for candidate in "$(command -v node || :)" /usr/bin/node /usr/local/bin/node; do
    found=$("$candidate" --version 2>/dev/null) || continue
    case $(readlink -f "$candidate") in
      /home/* | /root/* | *\'*) node_seen="$candidate is in a home folder" ;;
      *)
        if is_new_enough "${found#v}"; then node=$candidate && return; fi
        node_seen="$candidate is $found" ;;
    esac
  done
}

is_new_enough() {
  rest=${1#*.}
  [ "${1%%.*}" -gt "$NODE_MAJOR" ] || { [ "${1%%.*}" -eq "$NODE_MAJOR" ] && [ "${rest%%.*}" -ge "$NODE_MINOR" ]; }
} 2>/dev/null

check_sources() {
  case $AGENT_SHA256 in *[!0-9a-f]* | '') AGENT_SHA256='' ;; esac
  for file in "$agent_file" "$config_file"; do
    [ -z "$file" ] || [ -r "$file" ] || fail "$file: cannot be read"
  done
  [ -z "$agent_file" ] || return 0
  [ -n "$AGENT_SHA256" ] ||
    fail 'this copy of install.sh holds no checksum: take it from your collector (URL/install.sh), or use --agent-file'
  case $PICKET_URL in
    https://?*) ;;
    http://?*) is_loopback || [ -n "$insecure_http" ] ||
      fail "$PICKET_URL is plain http to another machine: use https, or --insecure-http in a lab" ;;
    *) fail "\"$PICKET_URL\" is no collector's address: use --url https://..." 2 ;;
  esac
}

is_loopback() {
  authority=${PICKET_URL#http://}
  case ${authority%%/*} in
    \[::1\] | \[::1\]:*) return 0 ;;
    *@*) return 1 ;;
  esac
  host=${authority%%[:/]*}
  case $host in
    localhost) return 0 ;;
    *[!0-9.]*) return 1 ;;
    127.*) return 0 ;;
  esac
  return 1
}

read_join_key() {
  join_key=''
  case $key_file in
    '') [ ! -e "$STATE/enrolment.json" ] || return 0
      ask_join_key ;;
    -) join_key=$(cat) ;;
    *) join_key=$(cat "$key_file") || fail "$key_file: cannot be read" ;;
  esac
  case $join_key in
    *picket[0-9]*.?*) ;;
    '') fail 'no join key was given (a script that comes through a pipe has no other standard input: use a file)' ;;
    *) fail 'this is no join key: one begins with "picket1."' ;;
  esac
}

ask_join_key() {
  { : </dev/tty; } 2>/dev/null || fail 'no join key and no terminal to ask for one: use --join-key-file'
  printf 'Join key (not shown): ' >/dev/tty
  echo_off=$(stty -g </dev/tty 2>/dev/null) && stty -echo </dev/tty || echo_off=''
  IFS= read -r join_key </dev/tty || :
  [ -z "$echo_off" ] || stty "$echo_off" </dev/tty
  echo >/dev/tty
}

# Gets everything that will be installed into a folder of its own, and tries it, before anything is changed.
prepare() {
  stage=$(mktemp -d)
  trap finish EXIT
  for signal in HUP INT TERM; do trap 'exit 1' "$signal"; done
  mkdir "$stage/former"
  if [ -n "$agent_file" ]; then cp "$agent_file" "$stage/agent.mjs"; else download; fi
  sum=$(sha256sum <"$stage/agent.mjs")
  if [ -z "$AGENT_SHA256" ]; then say 'note: this copy of install.sh holds no checksum: the agent file was not compared'
  elif [ "${sum%% *}" != "$AGENT_SHA256" ]; then
    fail "agent.mjs has another checksum than the collector named
  expected $AGENT_SHA256
  found    ${sum%% *}"
  fi
  version=$("$node" "$stage/agent.mjs" version) || fail 'agent.mjs does not run'
  if [ -n "$config_file" ]; then cp "$config_file" "$stage/config"
  elif [ -e "$CONFIG" ]; then cp "$CONFIG" "$stage/config"
  else config >"$stage/config"; fi
  "$node" "$stage/agent.mjs" check --needs --config "$stage/config" >"$stage/needs" 2>"$stage/said" ||
    fail "the config is refused: $(cat "$stage/said")"
  unit >"$stage/unit"
  restore_unit >"$stage/restore"
  wrapper >"$stage/wrapper"
}

needs() { grep -q "^$1\>" "$stage/needs"; }

download() {
  say "getting $PICKET_URL/agent.mjs"
  if has curl; then
    curl -fsS --connect-timeout 15 --max-time 300 --max-filesize 67108864 -o "$stage/agent.mjs" "$PICKET_URL/agent.mjs"
  else
    wget -q -T 60 -O "$stage/agent.mjs" "$PICKET_URL/agent.mjs"
  fi || fail "$PICKET_URL/agent.mjs could not be downloaded"
}

# What is remembered for undo: files put or taken away (the former ones lie in $stage/former), folders and the user made.
former() { printf '%s/former/%s' "$stage" "$(printf '%s' "$1" | tr / %)"; }

remember() {
  is_changed=yes
  [ ! -e "$1" ] || cp -p "$1" "$(former "$1")"
  put_files="$1 $put_files"
}

put() { # SOURCE TARGET MODE
  ! cmp -s "$1" "$2" || return 0
  remember "$2"
  cp "$1" "$2.new"
  chmod "$3" "$2.new"
  mv -f "$2.new" "$2"
}

take_away() { # FILE
  [ -e "$1" ] || return 0
  remember "$1"
  rm -f "$1"
  rmdir "${1%/*}" 2>/dev/null || :
}

make_folder() { # FOLDER MODE
  [ ! -d "$1" ] || return 0
  made_folders="$1 $made_folders"
  mkdir -p "$1"
  chmod "$2" "$1"
}

install_agent() {
  put_files='' made_folders='' made_user='' is_changed='' is_first=yes
  [ ! -e "$UNIT" ] || is_first=''
  was_active=$(systemctl is-active "$NAME" || :)
  is_pending=yes
  if ! user_exists; then
    made_user=yes
    useradd --system --user-group --home-dir "$STATE" --no-create-home --shell /usr/sbin/nologin "$NAME"
  fi
  for folder in "$LIB" "$ETC" "${WRAPPER%/*}"; do make_folder "$folder" 755; done
  make_folder "$STATE" 700
  chown "$NAME:$NAME" "$STATE"
  put "$stage/agent.mjs" "$LIB/agent.mjs" 644
  put "$stage/wrapper" "$WRAPPER" 755
  put "$stage/config" "$CONFIG" 644
  [ -z "$join_key" ] || enrol
  put "$stage/unit" "$UNIT" 644
  put "$stage/restore" "$RESTORE" 644
  put_drop_ins
  name_patterns
  systemctl daemon-reload
  systemctl enable -q "$NAME" "${RESTORE##*/}"
  start
  is_pending=''
  needs hosts-deny || rm -rf "$HOSTS"
}

# What the enabled features take beyond the least, each in a drop-in; those of features that are off go.
put_drop_ins() {
  for unit in "$UNIT" "$RESTORE"; do
    for need in low-ports xtables-lock hosts-deny; do
      file=$unit.d/picket-$need.conf
      if needs "$need" && [ "$need $unit" != "low-ports $RESTORE" ]; then
        make_folder "$unit.d" 755
        drop_in "$need" >"$stage/drop-in"
        put "$stage/drop-in" "$file" 644
      else
        take_away "$file"
      fi
    done
  done
}

# A line in the file of TCP wrappers names the agent's file of patterns.
name_patterns() {
  if ! needs hosts-deny; then unname_patterns; return; fi
  line=$(sed -n 's/^hosts-deny\t//p' "$stage/needs")
  file=${line%%"$(printf '\t')"*} daemons=${line#*"$(printf '\t')"}
  make_folder "$HOSTS" 755
  chown -h "$NAME:$NAME" "$HOSTS"
  # As the user of the agent: in its folder it may have laid a symlink, which root would follow to any file.
  # shellcheck disable=SC2016 # "$1" is for the inner shell
  setpriv --reuid="$NAME" --regid="$NAME" --clear-groups sh -c 'umask 022; [ -w "$1" ] || rm -f "$1"; : >>"$1"' sh "$file" ||
    fail "$file cannot be written as the user $NAME"
  { without_patterns; printf '%s\n%s: %s\n' '# Picket: whom it blocks; the line goes when Picket does.' "$daemons" "$file"; } >"$stage/wrappers"
  put "$stage/wrappers" "$WRAPPERS" "$(stat -c %a "$WRAPPERS" 2>/dev/null || echo 644)"
}

names_patterns() { grep -q ": $HOSTS/" "$WRAPPERS" 2>/dev/null; }
without_patterns() { grep -v -e '^# Picket: whom it blocks' -e ": $HOSTS/" "$WRAPPERS" 2>/dev/null || :; }

unname_patterns() {
  names_patterns || return 0
  [ -z "${stage:-}" ] || remember "$WRAPPERS"
  cp -p "$WRAPPERS" "$WRAPPERS.new"
  without_patterns >"$WRAPPERS.new"
  mv -f "$WRAPPERS.new" "$WRAPPERS"
  [ -s "$WRAPPERS" ] || rm "$WRAPPERS"
}

# printf is part of the shell: the key is in no process list.
enrol() {
  printf '%s\n' "$join_key" | "$WRAPPER" enroll --join-key-file - || fail 'this host could not be enrolled'
  is_changed=yes
}

start() {
  if [ "$was_active" = active ] && [ -z "$is_changed" ]; then say 'nothing has changed'; return; fi
  systemctl restart --no-block "$NAME"
  case $(systemctl is-system-running || :) in
    initializing | starting) say 'the agent starts when this host has booted'; return ;;
  esac
  wait_active || fail "the service does not stay up:
$(journalctl -u "$NAME" -n 15 --no-pager -o cat 2>/dev/null)"
}

# Three seconds in a row without a restart: "active" alone is said as soon as the program begins.
wait_active() {
  tries=0 calm=0 before=''
  while [ "$calm" -lt 3 ]; do
    sleep 1
    restarts=$(systemctl show -P NRestarts "$NAME")
    if systemctl is-active -q "$NAME" && [ "$restarts" = "$before" ]; then calm=$((calm + 1)); else calm=0; fi
    before=$restarts tries=$((tries + 1))
    [ "$tries" -lt 30 ] && [ "$restarts" -lt 3 ] || return 1
  done
}

# At every exit: takes back what a cut installation did, and removes the working folder.
finish() {
  status=$?
  trap '' HUP INT TERM
  [ -z "${echo_off:-}" ] || stty "$echo_off" </dev/tty || :
  [ -z "${is_pending:-}" ] || undo
  rm -rf "$stage"
  exit "$status"
}

undo() {
  set +e
  if [ -n "$is_first" ]; then
    systemctl disable -q --now "$NAME" 2>/dev/null
    [ ! -e "$UNIT" ] || remove_table
  fi
  [ -e "$(former "$RESTORE")" ] || [ "$put_files" = "${put_files#*"$RESTORE "}" ] ||
    systemctl disable -q "${RESTORE##*/}" 2>/dev/null
  for file in $put_files; do
    if [ -e "$(former "$file")" ]; then mkdir -p "${file%/*}" && mv -f "$(former "$file")" "$file"; else rm -f "$file"; fi
    rm -f "$file.new"
  done
  for folder in $made_folders; do
    case $folder in "$STATE" | "$HOSTS") rm -rf "$folder" ;; *) rmdir "$folder" ;; esac
  done
  [ -z "$made_user" ] || userdel "$NAME"
  systemctl daemon-reload
  [ -n "$is_first" ] || [ "$was_active" != active ] || systemctl restart --no-block "$NAME"
  if [ -n "$is_first" ]; then warn 'everything was undone'; else warn 'the former version was put back'; fi
}

remove_table() {
  "$WRAPPER" down >/dev/null 2>&1 && return
  ! nft list table inet picket >/dev/null 2>&1 || nft delete table inet picket
}

describe_install() {
  say "to be installed: the agent from ${agent_file:-$PICKET_URL/agent.mjs}, run by $node
  $LIB/agent.mjs, $WRAPPER, $UNIT, $RESTORE
  $CONFIG ($(if [ -n "$config_file" ]; then echo "from $config_file"; elif [ -e "$CONFIG" ]; then echo kept; else echo new; fi))
  $STATE ($(if [ -e "$STATE/enrolment.json" ]; then echo kept; else echo new; fi)), user $NAME, service $NAME"
  describe_needs
}

# Only an agent knows what a config takes, and only root what works here.
describe_needs() {
  agent=${agent_file:-$LIB/agent.mjs} file=${config_file:-$CONFIG}
  if [ "$(id -u)" != 0 ] || [ ! -e "$agent" ]; then
    say "  drop-ins in $UNIT.d and $RESTORE.d for what the config takes beyond CAP_NET_ADMIN and CAP_NET_RAW (told to root, with --agent-file)"
    return 0
  fi
  [ -e "$file" ] || file=/dev/null
  wanted=$("$node" "$agent" check --needs --config "$file" 2>&1) || fail "the config is refused: $wanted"
  say "  drop-ins for what the config takes beyond CAP_NET_ADMIN and CAP_NET_RAW: ${wanted:-none}"
  for file in "$UNIT.d"/picket-*.conf "$RESTORE.d"/picket-*.conf; do
    need=${file##*/picket-} need=${need%.conf}
    [ ! -e "$file" ] || printf '%s\n' "$wanted" | grep -q "^$need\>" || say "  to be removed: $file"
  done
}

uninstall() {
  remains=''
  for path in "$UNIT" "$UNIT.d" "$RESTORE" "$RESTORE.d" "$WRAPPER" "$LIB" "$HOSTS"; do [ ! -e "$path" ] || remains="$remains $path"; done
  if [ -z "$keep_state" ]; then
    for path in "$CONFIG" "$STATE"; do [ ! -e "$path" ] || remains="$remains $path"; done
  fi
  [ -n "$remains" ] || { say "Picket's agent is not installed"; return; }
  say 'removed is, with the blocks in the kernel:'
  for path in $remains; do say "  $path"; done
  ! names_patterns || say "  a line in $WRAPPERS"
  [ -z "$dry_run" ] || return 0
  [ "$(id -u)" = 0 ] || fail 'root is needed: run this script with sudo. Nothing was changed.' 4
  for unit in "$UNIT" "$RESTORE"; do [ ! -e "$unit" ] || systemctl disable -q --now "${unit##*/}"; done
  unname_patterns
  table_left=''
  remove_table || table_left=yes
  for path in $remains; do rm -rf "$path"; done
  if [ -z "$keep_state" ]; then
    [ ! -d "$ETC" ] || rmdir "$ETC" 2>/dev/null || say "$ETC is kept: it holds other files"
    ! user_exists || userdel "$NAME"
  fi
  systemctl daemon-reload
  systemctl reset-failed -q "$NAME" 2>/dev/null || :
  [ -z "$table_left" ] || fail 'the table "inet picket" is still in the kernel: nft delete table inet picket'
  say "Picket's agent is removed; the collector keeps what this host reported"
}

main() {
  umask 022
  PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  parse_options "$@"
  check_system
  if [ -n "$uninstall" ]; then uninstall; return; fi
  check_needs
  check_sources
  if [ -n "$dry_run" ]; then describe_install; return; fi
  read_join_key
  prepare
  install_agent
  say "Picket's agent ${version##* } is installed: service $NAME, $CONFIG, $STATE"
}

wrapper() {
  cat <<END
#!/bin/sh
# Runs Picket's agent. Root becomes the user of the service first, with its capabilities, so that all state has one owner.
set -- '$node' $LIB/agent.mjs "\$@"
[ "\$(id -u)" = 0 ] || exec "\$@"
caps=-all,+net_admin,+net_raw$(if needs low-ports; then printf ',+net_bind_service'; fi)
exec setpriv --reuid=$NAME --regid=$NAME --init-groups --no-new-privs --bounding-set=\$caps --inh-caps=\$caps \\
  --ambient-caps=\$caps -- "\$@"
END
}

config() {
  cat <<'END'
# Picket's agent on this host. What is commented out is the default; README.md explains each line.
# After a change: picket-agent check && systemctl restart picket-agent

# state_dir = "/var/lib/picket"
# "observe" tells each decision and carries none out: for a first week.
# mode = "enforce"

[watch]
# engine = "auto"
# tcp = "0-65535"
# udp = "0-65535"
# sctp = "0-65535"
# ip = "0-255"
# ignore_tcp = "113,139"
# ignore_udp = "67,137-138,520"
# ignore_sctp = ""
# ignore_ip = "0-2,4,6,17,41,43-44,47,50-51,58-60,89,97,103,112,115,132,136-137"
# ignore_interfaces = []
# answer = "system"

[connect]
# tcp = "1,11,15,79,111,119,143,540,635,1080,1524,2000,5742,6667,12345-12346,20034,31337,32771-32774,40421,49724,54320"
# udp = "1,7,9,69,161-162,513,635,640-641,700,32770-32774,31337,54321"
# banner = ""

[capture]
# interfaces = []

[threshold]
# ports = 4
# client_ports = 7
# weak_ports = 12
# window = "4h"
# tripwire_tcp = ""
# tripwire_udp = ""

[block]
# firewall = "auto"
# also = []
# duration = "1h"
# factor = 4
# longest = "7d"
# longest_forgeable = "1d"
# forgive = "7d"
# evidence = "any-but-limited"
# new_per_minute = 60
# clients = "handshake"
# established = "keep"
# forwarded = true
# shared_min_prefix4 = 24
# shared_min_prefix6 = 48

[hosts_deny]
# file = "/etc/hosts.deny"
# daemons = "ALL"
# patterns = false

[command]
# argv = []
# unblock_argv = []
# when = "after"
# shell = false
# time_limit = "10s"

[allow]
# sources = []
# sessions = true

[report]
# json = "off"

[kernel]
# nflog_group = 4715

[uplink]
# urls = []
# proxy = ""
# ca_file = ""
# spool_megabytes = 64
# spool_age = "31d"
END
  if [ -n "$insecure_http" ]; then echo 'allow_insecure_http = true'; else echo '# allow_insecure_http = false'; fi
}

# infra/systemd/picket-agent.service without its comments.
unit() {
  systemd_version=$(systemctl --version | { read -r _ number _ && echo "${number%%[!0-9]*}"; })
  agent_unit | if [ "${systemd_version:-0}" -ge 254 ]; then cat; else sed '/^RestartSteps=/d; /^RestartMaxDelaySec=/d'; fi
}

agent_unit() {
  cat <<'END'
[Unit]
Description=Picket agent: sees port scans and blocks the scanner
Documentation=file:///etc/picket/picket.toml
After=network-online.target nss-lookup.target multi-user.target picket-restore.service
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=/usr/local/bin/picket-agent run
KillMode=mixed
TimeoutStopSec=15s
Restart=always
RestartSec=1s
RestartSteps=8
RestartMaxDelaySec=1min
END
  least_user
  cat <<'END'
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallFilter=@setuid
SystemCallErrorNumber=EPERM
SystemCallArchitectures=native
END
  read_only_system
  cat <<'END'
MemoryHigh=384M
MemoryMax=512M
TasksMax=64
LimitNOFILE=4096

[Install]
WantedBy=multi-user.target
END
}

# What both services have in common, in two parts.
least_user() {
  cat <<'END'
User=picket-agent
Group=picket-agent
StateDirectory=picket
StateDirectoryMode=0700
UMask=0077
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW
AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW
NoNewPrivileges=yes
END
}

read_only_system() {
  cat <<'END'
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
END
}

# infra/systemd/picket-restore.service without its comments.
restore_unit() {
  cat <<'END'
[Unit]
Description=Picket: the blocks that were in force before the reboot
Documentation=file:///etc/picket/picket.toml
DefaultDependencies=no
Conflicts=shutdown.target
Before=network-pre.target shutdown.target picket-agent.service
Wants=network-pre.target
After=local-fs.target nftables.service netfilter-persistent.service iptables.service ip6tables.service ipset.service ufw.service
ConditionPathExists=|/var/lib/picket/blocks.json
ConditionPathExists=|/var/lib/picket/block-list.json

[Service]
Type=oneshot
ExecStart=/usr/local/bin/picket-agent restore
TimeoutStartSec=30s
END
  least_user
  cat <<'END'
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
SystemCallArchitectures=native
END
  read_only_system
  cat <<'END'
MemoryMax=512M
TasksMax=64
LimitNOFILE=4096

[Install]
WantedBy=sysinit.target
END
}

# The files of infra/systemd/drop-in without their comments.
drop_in() { # NEED
  case $1 in
    low-ports) cat <<'END'
[Service]
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
AmbientCapabilities=CAP_NET_BIND_SERVICE
END
      ;;
    xtables-lock) cat <<'END'
[Service]
ExecStartPre=+/bin/sh -c ': >>/run/xtables.lock && chgrp picket-agent /run/xtables.lock && chmod 640 /run/xtables.lock'
END
      ;;
    hosts-deny) cat <<'END'
[Service]
ReadWritePaths=-/var/lib/picket-denied
END
      ;;
  esac
}

# In braces, so that not even this line does something when it is cut.
{ main "$@"; }
