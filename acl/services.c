#include <config.h>

#include "acl/services.h"

#include <string.h>

const struct acl_shipped_service acl_shipped_services[] = {
    { "ad",
      "tcp/88 udp/88 tcp/135 tcp/389 udp/389 tcp/445 tcp/464 udp/464 tcp/636 tcp/3268-3269 "
      "tcp/49152-65535",
      "an Active Directory domain controller, its dynamic RPC ports included" },
    { "dhcp", "udp/67", "DHCP, to servers" },
    { "dhcpv6", "udp/547", "DHCPv6, to servers" },
    { "dns", "udp/53 tcp/53", "DNS" },
    { "dns-tls", "tcp/853 udp/853", "DNS over TLS and QUIC" },
    { "ftp", "tcp/21", "FTP control" },
    { "http", "tcp/80", "HTTP" },
    { "https", "tcp/443 udp/443", "HTTPS, QUIC included" },
    { "imap", "tcp/143", "IMAP" },
    { "imaps", "tcp/993", "IMAP over TLS" },
    { "ipp", "tcp/631", "printing, IPP" },
    { "jetdirect", "tcp/9100", "printing, raw" },
    { "kerberos", "tcp/88 udp/88", "Kerberos" },
    { "kms", "tcp/1688", "Windows activation" },
    { "kpasswd", "tcp/464 udp/464", "Kerberos, changing passwords" },
    { "ldap", "tcp/389 udp/389", "LDAP" },
    { "ldaps", "tcp/636", "LDAP over TLS" },
    { "llmnr", "udp/5355 tcp/5355", "names of neighbours, LLMNR" },
    { "lpd", "tcp/515", "printing, LPD" },
    { "mdns", "udp/5353", "names of neighbours, mDNS" },
    { "msrpc", "tcp/135", "Windows RPC endpoint mapper" },
    { "mssql", "tcp/1433", "Microsoft SQL Server" },
    { "mysql", "tcp/3306", "MySQL" },
    { "netbios", "udp/137-138 tcp/139", "NetBIOS names, datagrams and sessions" },
    { "nfs", "tcp/2049", "NFS 4" },
    { "ntp", "udp/123", "NTP" },
    { "ping", "icmp/8 icmpv6/128", "ICMP echo" },
    { "pop3s", "tcp/995", "POP3 over TLS" },
    { "postgresql", "tcp/5432", "PostgreSQL" },
    { "proxy", "tcp/3128 tcp/8080", "web proxies" },
    { "rdp", "tcp/3389 udp/3389", "Remote Desktop" },
    { "sip", "tcp/5060 udp/5060", "SIP" },
    { "sips", "tcp/5061", "SIP over TLS" },
    { "smb", "tcp/445", "file sharing, SMB" },
    { "smtp", "tcp/25", "SMTP between servers" },
    { "snmp", "udp/161", "SNMP" },
    { "spice", "tcp/5900-5999", "SPICE and VNC displays" },
    { "ssdp", "udp/1900", "UPnP discovery" },
    { "ssh", "tcp/22", "SSH" },
    { "submission", "tcp/587 tcp/465", "mail, from clients" },
    { "syslog", "udp/514 tcp/6514", "syslog" },
    { "telnet", "tcp/23", "Telnet" },
    { "winrm", "tcp/5985-5986", "Windows remote management" },
    { "ws-discovery", "udp/3702", "WS-Discovery" },
    { "wsus", "tcp/8530-8531", "Windows updates from a server of one's own" },
};
const size_t acl_n_shipped_services = sizeof acl_shipped_services / sizeof acl_shipped_services[0];

const struct acl_shipped_service *
acl_shipped_service_find(const char *name)
{
    for (size_t i = 0; i < acl_n_shipped_services; i++) {
        if (!strcmp(acl_shipped_services[i].name, name)) {
            return &acl_shipped_services[i];
        }
    }
    return NULL;
}
