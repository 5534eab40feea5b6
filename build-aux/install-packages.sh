#!/bin/sh
# Installs Debian packages for the tests, which start what they need themselves: services that come with
# them are not started, now or at the next boot, and nothing is removed for them.
#
#     install-packages.sh PACKAGE...
set -eu

policy=/usr/sbin/policy-rc.d # asked by invoke-rc.d and deb-systemd-invoke; 101: leave it alone

is_installed()
{
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Services of packages that were not there before.
services=
is_installed rsyslog || services="$services rsyslog.service syslog.socket"
is_installed openvswitch-switch || services="$services openvswitch-switch.service"
is_installed prometheus || services="$services prometheus.service"

if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    trap 'exit 1' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
fi
apt-get install -y --no-install-recommends --no-remove "$@"
if command -v systemctl >/dev/null; then
    for service in $services; do
        systemctl disable "$service" >/dev/null 2>&1 || true
    done
fi
