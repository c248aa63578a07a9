/**
 * The steps of the boot script that are the same on every cloud. The constants they use are set at the top of the script
 * (boot-script.ts).
 */
export const BOOT_FUNCTIONS = `fail() {
  echo "registry-boot: $*" >&2
  exit 1
}

# retry TIMES COMMAND...: runs the command until it succeeds, ten seconds apart
retry() {
  local left=$1
  shift
  until "$@"; do
    left=$((left - 1))
    ((left > 0)) || return 1
    sleep 10
  done
}

# write_file PATH MODE OWNER: standard input becomes the file, in one step, and only when it differs
write_file() {
  local path=$1 mode=$2 owner=$3 temporary
  mkdir -p "$(dirname "$path")"
  temporary=$(mktemp "$path.XXXXXX")
  cat >"$temporary"
  chown "$owner" "$temporary"
  chmod "$mode" "$temporary"
  if cmp -s "$temporary" "$path"; then
    rm -f "$temporary"
  else
    touch "$CHANGED"
    mv -f "$temporary" "$path"
  fi
}

apt() {
  apt-get -o DPkg::Lock::Timeout=600 "$@"
}

# install_packages NAME...: from Debian, unless all are there
install_packages() {
  dpkg --configure -a
  ! dpkg --status "$@" >/dev/null 2>&1 || return 0
  retry 30 apt update
  retry 10 apt install -y --no-install-recommends "$@"
}

install_runtime() {
  install_packages podman crun netavark aardvark-dns nftables curl ca-certificates e2fsprogs python3
}

# Formats the volume only when blkid finds nothing at all on it (exit code 2), so that data is never overwritten.
format_when_blank() {
  local device=$1 found=0
  head --bytes 4096 "$device" >/dev/null || fail "$device cannot be read"
  blkid --probe "$device" >/dev/null || found=$?
  case $found in
    0) ;;
    2) mkfs.ext4 -q -L registry-data "$device" ;;
    *) fail "blkid cannot tell what is on $device (exit code $found); it is left as it is" ;;
  esac
}

mount_data_volume() {
  local device uuid
  if ! mountpoint --quiet "$DATA"; then
    device=$(retry 60 data_device) || fail 'the data volume is not attached'
    format_when_blank "$device"
    uuid=$(blkid --match-tag UUID --output value "$device")
    mkdir -p "$DATA"
    {
      grep -v " $DATA " "$FSTAB" || true
      echo "UUID=$uuid $DATA ext4 defaults,nofail,nodev,nosuid,noexec,x-systemd.device-timeout=60s 0 2"
    } | write_file "$FSTAB" 0644 root:root
    systemctl daemon-reload
    mount "$DATA"
  fi
  resize2fs "$(findmnt --noheadings --output SOURCE "$DATA")"
  chown "$OWNER" "$DATA"
  chmod 0700 "$DATA"
}

load_image() {
  local archive=/var/cache/registry-image.tar loaded
  ! podman image exists "$IMAGE" || return 0
  retry 30 fetch_image "$archive" || fail 'the image archive cannot be fetched'
  sha256sum --check --quiet <<<"$IMAGE_SHA256  $archive" || fail 'the image archive is not the one that was deployed'
  loaded=$(podman load --quiet --input "$archive" | sed -n 's/^Loaded image: //p' | head --lines 1)
  podman tag "$loaded" "$IMAGE"
  rm -f "$archive"
}

# write_certificate: splits what the secret store holds into the chain and the key
write_certificate() {
  local pem
  pem=$(retry 30 fetch_certificate) || fail 'the certificate cannot be read from the secret store'
  grep -q 'BEGIN CERTIFICATE' <<<"$pem" || fail 'the secret holds no certificate in PEM'
  grep -q 'BEGIN .*PRIVATE KEY' <<<"$pem" || fail 'the secret holds no private key in PEM'
  sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/p' <<<"$pem" | write_file "$CERTIFICATE_FILE" 0644 "$OWNER"
  sed -n '/BEGIN .*PRIVATE KEY/,/END .*PRIVATE KEY/p' <<<"$pem" | write_file "$KEY_FILE" 0600 "$OWNER"
}

start_service() {
  systemctl daemon-reload
  if [[ -e $CHANGED ]]; then
    systemctl restart registry.service
    rm -f "$CHANGED"
  else
    systemctl start registry.service
  fi
}

# publish_initial_access: hands the first user's password, and the CA if the server has made one, to the secret store, once
publish_initial_access() {
  local document=/run/registry-access.json published=/var/lib/registry-access.sha256
  retry 30 test -s "$USERS_FILE" || fail "the server has not written $USERS_FILE; see journalctl -u registry"
  # An administrator may remove the file once the password is kept elsewhere.
  [[ -s $INITIAL_PASSWORD_FILE ]] || return 0
  (umask 077 && initial_access >"$document")
  if ! sha256sum --check --quiet --status "$published" 2>/dev/null; then
    retry 10 publish_access "$document"
    sha256sum "$document" >"$published"
  fi
  rm -f "$document"
}

initial_access() {
  python3 - "$REGISTRY_HOST" "$INITIAL_USER" "$INITIAL_PASSWORD_FILE" "$GENERATED_CA_FILE" <<'END'
import json, os, sys
host, user, password_file, ca_file = sys.argv[1:]
access = {"registry": host, "username": user, "password": open(password_file).read().strip()}
if os.path.exists(ca_file):
    access["ca"] = open(ca_file).read()
json.dump(access, sys.stdout)
END
}
`;
