"""Which network addresses the collector may connect to: public ones, and what the curator allowed by name.

Guards against server-side request forgery: an address is judged as bytes, never as text, and addresses that
carry another one inside (IPv4-mapped, NAT64, 6to4) are judged by what they carry. (RFC 6890, 6052, 3056.)
"""

import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

from label_store import UsageError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_GLOBAL_UNICAST_6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_METADATA = frozenset({ipaddress.IPv4Address("168.63.129.16"), ipaddress.IPv4Address("192.0.0.192")})
"""Services of a cloud's own machines on addresses that look public; the others are link-local or private."""
_RESERVED: tuple[_Network, ...] = (
    ipaddress.IPv4Network("192.0.0.0/24"),  # protocol assignments, of which Python takes some for global
    ipaddress.IPv4Network("192.88.99.0/24"),  # relays of 6to4 that are no more (RFC 7526)
    ipaddress.IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)
_NUMBER = re.compile(r"\d+|0[xX][0-9a-fA-F]*", re.ASCII)
_ISATAP = (0x00005EFE, 0x02005EFE)
"""What stands before an IPv4 address in an interface identifier of ISATAP (RFC 5214, 6.1)."""


def refusal(address: str) -> str | None:
    """Why an address may not be connected to, in words; None for a public one."""
    try:
        return _refusal(ipaddress.ip_address(address.split("%", 1)[0]))
    except ValueError:
        return f"{address} is not an IP address"


def _refusal(ip: Address) -> str | None:
    if isinstance(ip, ipaddress.IPv6Address):
        inner = _carried(ip)
        if inner is not None:
            why = _refusal(inner)
            return f"{ip} carries {why}" if why else None
        if ip.is_loopback:
            return f"{ip} is a loopback address"
        if ip.is_multicast:
            return f"{ip} is a multicast address"
        if ip.is_link_local:
            return f"{ip} is a link-local address"
        if ip not in _GLOBAL_UNICAST_6 or not ip.is_global or _is_reserved(ip):
            return f"{ip} is a private address"
        if int(ip) >> 32 & 0xFFFFFFFF in _ISATAP and (why := _refusal(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))):
            return f"{ip} carries {why}"
        return None
    if ip.is_loopback:
        return f"{ip} is a loopback address"
    if ip.is_link_local:
        return f"{ip} is a link-local address"
    if ip.is_multicast:
        return f"{ip} is a multicast address"
    if ip in _METADATA:
        return f"{ip} is a metadata address"
    if not ip.is_global or _is_reserved(ip):
        return f"{ip} is a private address"
    return None


def _is_reserved(ip: Address) -> bool:
    return any(ip.version == network.version and ip in network for network in _RESERVED)


def _carried(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this IPv6 address end at."""
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return None


def literal(host: str) -> str | None:
    """The address that a host written as one means, in its plain form; None when it is a name.

    Reads also the old forms that inet_aton takes (decimal, octal, hexadecimal, fewer parts) and a trailing dot.
    """
    bare = host.rstrip(".").strip("[]").replace("%25", "%").split("%", 1)[0]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    if not bare or not (bare[0].isdigit() and bare[0].isascii()):
        return None
    try:
        return socket.inet_ntoa(socket.inet_aton(bare))
    except (OSError, UnicodeError):
        return None


def is_no_host(host: str) -> bool:
    """Whether a host is neither a name nor an address: with escapes, or one that ends in a number (WHATWG URL, 3.5).

    The network's libraries would each make something else of it.
    """
    if literal(host) is not None:
        return False
    return "%" in host or ":" in host or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) is not None


@dataclass(frozen=True)
class AllowList:
    """Hosts whose private addresses may be fetched: `host`, `host:port`, `[v6]:port` or `127.0.0.0/8`."""

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[_Network, ...] = field(default=())

    @classmethod
    def parse(cls, entries: Sequence[str]) -> "AllowList":
        """From the setting `allow_hosts`; UsageError names the entry that is not one."""
        hosts: set[tuple[str, int | None]] = set()
        networks: list[_Network] = []
        for entry in entries:
            text = entry.strip().lower()
            try:
                if "/" in text:
                    networks.append(ipaddress.ip_network(text))
                    continue
                if text.startswith("["):
                    host, _, port = text[1:].partition("]")
                    port = port.removeprefix(":")
                elif text.count(":") == 1:
                    host, _, port = text.partition(":")
                else:
                    host, port = text, ""
                if not host:
                    raise ValueError("no host")
                hosts.add((host.rstrip("."), int(port) if port else None))
            except ValueError as error:
                raise UsageError(
                    f"allow_hosts: {entry!r} is neither a host, host:port nor a network",
                    hint='for example allow_hosts = ["localhost:8080", "10.1.0.0/16"]',
                ) from error
        return cls(frozenset(hosts), tuple(networks))

    def permits(self, host: str, port: int, address: str | None = None) -> bool:
        """Whether this host may be on a private address (this address, for networks)."""
        name = host.lower().rstrip(".").strip("[]")
        if (name, port) in self.hosts or (name, None) in self.hosts:
            return True
        if address is None or not self.networks:
            return False
        ip = ipaddress.ip_address(address.split("%", 1)[0])
        return any(ip in network for network in self.networks)
