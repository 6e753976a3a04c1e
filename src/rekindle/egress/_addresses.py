"""Which IP addresses nothing from outside may lead to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

# IANA special-purpose address registries; what Python's is_global does not cover the same in every version is named.
_V4: Final = {
    IPv4Network("0.0.0.0/8"): "an unspecified",
    IPv4Network("100.64.0.0/10"): "a carrier-grade NAT",
    IPv4Network("192.0.0.0/24"): "a protocol",
    IPv4Network("192.88.99.0/24"): "a relay",
    IPv4Network("198.18.0.0/15"): "a benchmark",
    IPv4Network("240.0.0.0/4"): "a reserved",
}
_NAT64: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


def forbidden(text: str) -> str | None:
    """Return in words what is wrong with an IP address, e.g. ``a private``, or None when it is public."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return "an unreadable"
    if isinstance(address, IPv6Address):
        inner = _inside(address)
        if inner is not None:
            return _judge(inner)
        if any(address in network for network in _NAT64):
            return "a NAT64"
    return _judge(address)


def _judge(address: IPv4Address | IPv6Address) -> str | None:
    for name in ("loopback", "link_local", "multicast", "unspecified", "private", "reserved"):
        if getattr(address, f"is_{name}"):
            return f"{'an' if name == 'unspecified' else 'a'} {name.replace('_', '-')}"
    if isinstance(address, IPv4Address):
        for network, why in _V4.items():
            if address in network:
                return why
    elif address.is_site_local:
        return "a site-local"
    return None if address.is_global else "a special"


def _inside(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address carries (mapped, NAT64, 6to4, compatible)."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    number = int(address)
    if address in _NAT64[0] or (number >> 32 == 0 and number > 1):
        return IPv4Address(number & 0xFFFFFFFF)
    return None
