#!/bin/busybox sh
# The guest's whole user space: loads modules, then answers the host's requests, a line each, over a virtio port. The
# console stays the kernel's own: its messages cannot mix with answers.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
echo -1000 >"/proc/$$/oom_score_adj" # the OOM killer may take the load, never the agent

while read -r module; do
  insmod "/modules/$module" || echo "cosport: cannot load $module" >/dev/console
done </modules/order

port=
until [ -n "$port" ]; do
  for each in /sys/class/virtio-ports/*; do
    if [ "$(cat "$each/name" 2>/dev/null)" = cosport.result ]; then
      port=/dev/${each##*/}
    fi
  done
  [ -n "$port" ] || sleep 0.05
done
exec 3<>"$port"

groups=
start() { # the rest of the line runs in a session of its own, and is what the OOM killer takes first
  setsid sh -c 'echo 900 >/proc/$$/oom_score_adj; exec "$@"' sh "$@" </dev/null >/dev/null 2>&1 &
  groups="$groups $!"
}

# Kernels keep some memory free ahead; with huge pages, which are off in guests below 512 MiB, up to 5 percent. Without that
# a reader leaves the balloon nothing, with the fix or without: it fails to get a page, and sleeps, again and again.
reserve() { # only ever raises what the kernel keeps
  wanted=$(awk '/^MemTotal/ { print int($2 / 32 > 16384 ? 16384 : $2 / 32) }' /proc/meminfo)
  [ "$(cat /proc/sys/vm/min_free_kbytes)" -ge "$wanted" ] || echo "$wanted" >/proc/sys/vm/min_free_kbytes
}

counters() {
  grep -hE '^(balloon_|oom_kill |allocstall|pgscan_direct |pgsteal_direct |pgpgin |MemTotal|MemFree|MemAvailable|Cached|AnonPages)' \
    /proc/vmstat /proc/meminfo
}

answer() {
  case $1 in
    hello) uname -r ;;
    modules) cut -d ' ' -f 1 /proc/modules ;;
    features) cat /sys/bus/virtio/drivers/virtio_balloon/virtio*/features 2>/dev/null ;;
    counters) counters ;;
    read)
      reserve
      # The disk stays open between two passes: its last close would drop its whole page cache, and with it the pressure.
      start sh -c 'exec 4</dev/vda; while cat /dev/vda; do :; done'
      ;;
    hog)
      : >/tmp/hog
      start awk -v "mib=$2" 'BEGIN {
        chunk = sprintf("%1048576s", "")
        for (i = 1; i <= mib; i++) { held[i] = chunk i; print i >"/tmp/hog"; fflush("/tmp/hog") }
        print "whole" >"/tmp/hog"; fflush("/tmp/hog")
        while (1) system("sleep 1")
      }'
      hog=$!
      ;;
    hogged)
      kill -0 "$hog" 2>/dev/null && echo alive || echo dead
      tail -n 1 /tmp/hog
      ;;
    stop)
      for each in $groups; do kill -9 -- "-$each"; done 2>/dev/null
      wait
      groups=
      ;;
    crash) echo c >/proc/sysrq-trigger ;;
  esac
}

while :; do
  # A port whose other end is not connected reads as ended.
  IFS=' ' read -r number verb argument <&3 || { sleep 0.05; continue; }
  answer "$verb" "$argument" >/tmp/answer 2>&1
  while read -r line; do echo "$number $line"; done </tmp/answer >&3
  echo "$number ." >&3
done
