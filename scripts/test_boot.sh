#!/bin/bash
# Boots a small Debian 12 with the .deb in it and lets systemd run the hardened unit:
# `make test-boot`. Start, hang, reload, refusal, end and a wrong start, as they are for a user.
# As root on a Debian of any kind with systemd-nspawn; skipped with a word elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."

WORK=${EDGEWARD_BOOT_DIR:-build/boot}
HOST_PYTHON=${HOST_PYTHON:-$PWD/.venv/bin/python}

skip() { echo "test-boot: skipped: $*"; exit 0; }
fail() { echo "test-boot: FAILED: $*"; sed -n '/^== log/,$p' "$ROOT/root/probe.out"; exit 1; }

[ "$(id -u)" -eq 0 ] || skip "needs root, to make another system and to boot it"
[ -e /etc/debian_version ] || skip "needs a Debian of any kind"
[ "$(dpkg --print-architecture)" = amd64 ] || skip "is made to run on amd64"
for tool in mmdebstrap:mmdebstrap systemd-nspawn:systemd-container; do
    command -v "${tool%%:*}" >/dev/null ||
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            "${tool##*:}" >/dev/null || skip "needs the system's package ${tool##*:}"
done
# shellcheck disable=SC2016  # apt's own variable
MIRROR=$(apt-get indextargets 'Origin: Debian' --format '$(REPO_URI)' | grep -v security | head -n 1)
[ -n "$MIRROR" ] || skip "needs Debian's packages among the sources of apt"

mkdir -p dist
PACKAGE=$(find dist -name 'edgeward-agent_*+py311_amd64.deb' | head -n 1)
[ -n "$PACKAGE" ] || {
    "$HOST_PYTHON" scripts/build_deb.py --arch amd64 --python 3.11
    PACKAGE=$(find dist -name 'edgeward-agent_*+py311_amd64.deb' | head -n 1)
}

ROOT=$(realpath -m "$WORK")
if [ ! -e "$ROOT/.made" ]; then
    rm -rf "$ROOT"
    mkdir -p "$ROOT"
    echo "test-boot: making a Debian in $ROOT"
    mmdebstrap --quiet --variant=minbase --include=python3,systemd,systemd-sysv,dbus bookworm \
        "$ROOT" "deb $MIRROR bookworm main"
    touch "$ROOT/.made"
fi

cp "$PACKAGE" "$ROOT/root/agent.deb"
rm -rf "$ROOT/var/lib/private/edgeward" "$ROOT/root/probe.out"
chroot "$ROOT" dpkg -i /root/agent.deb >/dev/null
chroot "$ROOT" systemctl enable -q edgeward-agent
"$HOST_PYTHON" - "$ROOT/etc/edgeward" <<'EOF'
import sys
from pathlib import Path
sys.path[:0] = [".", "tests"]
import cv2
import numpy as np
from support.bright import write_bright
folder = Path(sys.argv[1])
(folder / "frames").mkdir(parents=True, exist_ok=True)
write_bright(folder / "bright")
cv2.imwrite(str(folder / "frames/a.png"), np.full((24, 32, 3), 230, np.uint8))
for level in (200, 230):
    cv2.imwrite(str(folder / f"{level}.jpg"), np.full((48, 64, 3), level, np.uint8))
EOF
# A camera: what captures it is a process of its own, with shared memory, under the same rules.
cat >"$ROOT/root/camera.py" <<'EOF'
import itertools, time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

PICTURES = [Path(f"/etc/edgeward/{level}.jpg").read_bytes() for level in (200, 230)]

class Camera(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for picture in itertools.cycle(PICTURES):
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            self.wfile.write(head.encode() + picture + b"\r\n")
            time.sleep(0.1)

HTTPServer(("127.0.0.1", 8080), Camera).serve_forever()
EOF
cat >"$ROOT/etc/systemd/system/camera.service" <<'EOF'
[Service]
ExecStart=/usr/bin/python3 /root/camera.py
[Install]
WantedBy=multi-user.target
EOF
chroot "$ROOT" systemctl enable -q camera
cat >"$ROOT/etc/edgeward/agent.toml" <<'EOF'
[device]
name = "boot"
[broker]
credentials_file = "%d/edgeward.broker"
[outbox]
path = "/var/lib/edgeward/outbox.db"
[[stream]]
name = "front"
bundle = "bright"
interval_s = 0.5
source = { kind = "images", path = "frames", loop = true }
[[stream]]
name = "yard"
bundle = "bright"
interval_s = 0.5
source = { kind = "camera", url = "http://127.0.0.1:8080/" }
EOF
install -d -m 700 "$ROOT/etc/credstore"
echo me:x | install -m 600 /dev/stdin "$ROOT/etc/credstore/edgeward.broker"
# The shipped patience would make this test wait.
mkdir -p "$ROOT/etc/systemd/system/edgeward-agent.service.d"
printf '[Service]\nWatchdogSec=8\n' >"$ROOT/etc/systemd/system/edgeward-agent.service.d/soon.conf"
cat >"$ROOT/root/probe.sh" <<'EOF'
ask() { echo "$1 $(systemctl show -p ActiveState,NRestarts,Result,ExecMainStatus,StatusText \
    edgeward-agent | tr '\n' ' ')"; }
sleep 4
ask started
kill -STOP "$(systemctl show -p MainPID --value edgeward-agent)"
sleep 22
ask hung
systemctl reload edgeward-agent && sleep 2
ask unchanged
sed -i s/0.5/0.4/ /etc/edgeward/agent.toml
systemctl reload edgeward-agent && sleep 6
ask changed
echo broken >>/etc/edgeward/agent.toml
systemctl reload edgeward-agent && sleep 3
ask refused
begin=$(date +%s)
systemctl stop edgeward-agent
ask "stopped after $(($(date +%s) - begin)) s:"
python3 - <<'END'
import sqlite3
box = sqlite3.connect("file:/var/lib/private/edgeward/outbox.db?mode=ro", uri=True)
print("stored", *box.execute("SELECT stream, count(*) FROM message GROUP BY stream ORDER BY stream"))
END
systemctl start edgeward-agent
sleep 8
ask wrong
echo "== log"
journalctl -u edgeward-agent --no-pager -o cat
EOF
cat >"$ROOT/etc/systemd/system/probe.service" <<'EOF'
[Unit]
After=edgeward-agent.service
[Service]
Type=oneshot
StandardOutput=file:/root/probe.out
StandardError=file:/root/probe.out
ExecStart=/bin/bash /root/probe.sh
ExecStopPost=/bin/systemctl poweroff
[Install]
WantedBy=multi-user.target
EOF
chroot "$ROOT" systemctl enable -q probe
echo "test-boot: booting"
timeout 180 systemd-nspawn -q -D "$ROOT" --boot --private-network --register=no --keep-unit >"$ROOT/root/boot.out" 2>&1 ||
    [ -s "$ROOT/root/probe.out" ] || skip "this machine boots no container: $(tail -n 1 "$ROOT/root/boot.out")"

said() { grep -qE "$1" "$ROOT/root/probe.out" || fail "$2"; }
said '^started .*ActiveState=active' "the hardened unit does not start"
said '^hung .*NRestarts=1 ' "a hanging agent is not restarted by the watchdog"
said '^unchanged .*ActiveState=active' "a reload with nothing new ends it"
said '^changed .*ActiveState=active' "a reload ends it"
said 'the new configuration takes over' "a reload changes nothing"
said '^refused .*new configuration refused: .*ActiveState=active' "a wrong configuration is not refused"
said '^stopped after [0-5] s: .*ActiveState=inactive' "it does not end within five seconds"
said "^stored \\('front', [1-9][0-9]+\\) \\('yard', [1-9][0-9]+\\)" "the camera's results are not stored"
said '^wrong .*NRestarts=0 .*ExecMainStatus=10' "a wrong configuration is tried again"
grep -vE '^==' "$ROOT/root/probe.out" | sed -n '/^started/,/^wrong/p'
echo "test-boot: all of it holds"
