#!/usr/bin/env bash
# image_pair.sh OUT [--kernel]: a root file system of Debian 12 before and after its security updates, as ext4, squashfs and erofs: OUT/v1.*, OUT/v2.*
# With --kernel the systems have a kernel (Debian's for clouds), its modules and an initrd, and are made as ext4 only: OUT/v1.ext4-kernel, OUT/v2.ext4-kernel
# Needs root, Debian's archive as apt is set up here, mmdebstrap, squashfs-tools, erofs-utils, e2fsprogs, python3; 5 GB and half an hour.
# The same package versions give the same images: fixed times, UUIDs and hash seeds.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath -m "$1")
packages='systemd systemd-sysv systemd-resolved dbus udev openssh-server openssh-client python3-minimal python3 nginx-light curl wget
ca-certificates iproute2 iputils-ping iptables nftables network-manager wpasupplicant isc-dhcp-client bluez modemmanager ethtool tcpdump
sudo vim-tiny less nano htop strace gdbserver rsync jq sqlite3 mosquitto avahi-daemon chrony cron logrotate rsyslog
libgstreamer1.0-0 libgstreamer-plugins-base1.0-0 libssl3 libcurl4 libxml2 perl-base perl dosfstools e2fsprogs parted fdisk u-boot-tools
mtd-utils i2c-tools gpiod can-utils usbutils pciutils lm-sensors openssl gnupg podman'
kernel=${2:-}
[ -z "$kernel" ] || [ "$kernel" = --kernel ] || { echo "image_pair.sh: unknown option $kernel" >&2; exit 2; }
[ -z "$kernel" ] || packages="$packages linux-image-cloud-amd64 initramfs-tools"
export SOURCE_DATE_EPOCH=1750000000 E2FSPROGS_FAKE_TIME=1750000000
uuid=11111111-2222-3333-4444-555555555555
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p "$out/build"

# The archive's address for a suite, from deb822 or one-line sources.
uri_of() {
  { awk -v s="$1" 'BEGIN{RS="";FS="\n"}{u="";m=0;for(i=1;i<=NF;i++){if($i~/^URIs:/){sub(/^URIs:[ ]*/,"",$i);u=$i}
      if($i~/^Suites:/&&(" "$i" ")~("[ ]"s"[ ]"))m=1}if(m&&u!="")print u}' /etc/apt/sources.list.d/*.sources 2>/dev/null || true
    awk -v s="$1" '$1=="deb"{for(i=2;i<NF;i++)if($(i+1)==s)print $i}' /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true
  } | head -n 1
}
main=$(uri_of bookworm); security=$(uri_of bookworm-security)
[ -n "$main" ] && [ -n "$security" ] || { echo "image_pair.sh: apt has no sources for bookworm and bookworm-security" >&2; exit 2; }
echo "deb [signed-by=$keyring] $main bookworm main" >"$out/build/v1.list"
{ cat "$out/build/v1.list"; echo "deb [signed-by=$keyring] $main bookworm-updates main"; echo "deb [signed-by=$keyring] $security bookworm-security main"; } >"$out/build/v2.list"

include=$(tr -s ' \n' ',' <<<"$packages" | sed 's/,$//')
for v in v1 v2; do
  mmdebstrap --mode=root --variant=minbase --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --include="$include" bookworm "$out/build/$v.tar" "$out/build/$v.list"
  tree=$out/build/tree-$v; rm -rf "$tree"; mkdir "$tree"; tar -xf "$out/build/$v.tar" -C "$tree" --numeric-owner
  rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* "$tree"/var/log/*; : >"$tree/etc/machine-id"
  find "$tree" -newermt '@1750000000' -exec touch -h -d @1750000000 {} +
done
size_mb=$(( ($(du -sm "$out/build/tree-v2" | cut -f1) * 13 / 10 + 63) / 64 * 64 ))
mkfs_ext4() {  # TREE IMAGE
  rm -f "$2"; truncate -s "${size_mb}M" "$2"
  mkfs.ext4 -q -F -b 4096 -N 32768 -m 0 -L rootfs -U $uuid -E "hash_seed=$uuid,lazy_itable_init=0,root_owner=0:0,nodiscard" -J size=8 -d "$1" "$2"
  python3 "$here/normalise_ext4_times.py" "$2"
}
for v in v1 v2; do
  tree=$out/build/tree-$v; image=$out/$v
  [ -z "$kernel" ] || { mkfs_ext4 "$tree" "$image.ext4-kernel"; continue; }
  mkfs_ext4 "$tree" "$image.ext4"
  mksquashfs "$tree" "$image.squashfs-zstd" -comp zstd -Xcompression-level 19 -b 131072 -noappend -no-progress -quiet -no-exports -xattrs
  mksquashfs "$tree" "$image.squashfs-xz" -comp xz -b 131072 -noappend -no-progress -quiet -no-exports -xattrs
  mkfs.erofs -zlz4hc,12 -T 1750000000 -U $uuid "$image.erofs-lz4hc" "$tree" >/dev/null
  mkfs.erofs -T 1750000000 -U $uuid "$image.erofs" "$tree" >/dev/null
done
rm -rf "$out/build"
