"""IP address in, whether it may be dialled out. Pure.

Only public addresses may be; an operator lists what else may (SENTINEL_OUTBOUND_PRIVATE). The
tables are IANA's special-purpose registries (RFC 6890 and what updates it), written out, since
`ipaddress.is_global` changed between Python's patch releases: 3.11.7 calls 240.0.0.1, 2002::/16,
fec0::/10 and all multicast global.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SETTING = "SENTINEL_OUTBOUND_PRIVATE"

HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.(?!-)[a-z0-9_-]{1,63})*\.?")
"""A name as DNS has it, in lower case; an international one in its ASCII form."""

LONGEST = 253
"""Characters of a name in DNS."""

OWN = tuple(
    ipaddress.ip_network(each)
    for each in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7",
    )
)  # fmt: skip
"""Networks of one's own. Link-local ones are not among them: cloud credentials lie there."""

SPECIAL = tuple(
    ipaddress.IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this network; Linux dials itself at 0.0.0.0
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
        "100.64.0.0/10",  # shared behind a provider's NAT, and some clouds' metadata
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, where clouds keep credentials
        "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15",
        "192.88.99.0/24",  # relays of 6to4
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
"""IPv4 that is not public."""

GLOBAL = ipaddress.IPv6Network("2000::/3")
"""All IPv6 that has been given out as public lies in here."""

UNROUTED = tuple(
    ipaddress.IPv6Network(each)
    for each in (
        "2001::/23",  # protocols; Teredo's tunnels, which hold an IPv4 address, among them
        "2001:db8::/32", "3fff::/20",
        "2002::/16",  # 6to4, whose second half is any IPv4 address
    )
)  # fmt: skip
"""IPv6 in `GLOBAL` that is not public."""

TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""NAT64: an IPv4 address in an IPv6 one, which may be any network's."""

ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""What stands before the IPv4 address in an address of that tunnel, whatever its network."""

LOW = 0xFFFF_FFFF
"""The last 32 bits."""


@dataclass(frozen=True, slots=True)
class Private:
    """What may be dialled although it is not public: networks, and hosts by name."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """From addresses (127.0.0.1), networks (10.0.0.0/8) and names (s3.internal); ValueError."""
        networks: list[Network] = []
        hosts: set[str] = set()
        for entry in entries:
            text = entry.strip().lower().strip("[]")
            if _written_as_address(text):
                networks.append(ipaddress.ip_network(text))
            elif HOST.fullmatch(text) and len(text) <= LONGEST:
                hosts.add(text.removesuffix("."))
            else:
                raise ValueError(
                    f"{entry!r} is no address, network or host; write 127.0.0.1, 10.0.0.0/8 or "
                    "s3.internal, without scheme and port"
                )
        return cls(tuple(networks), frozenset(hosts))

    def holds(self, address: Address) -> bool:
        """Whether an address is listed."""
        return any(address in network for network in self.networks)

    def names(self, host: str) -> bool:
        """Whether a host is listed by its name; it may then lie wherever it lies."""
        return host.lower().removesuffix(".") in self.hosts

    def __bool__(self) -> bool:
        """Whether anything is listed."""
        return bool(self.networks or self.hosts)


NOTHING = Private()
"""Public addresses only."""


def may_dial(address: Address, private: Private = NOTHING) -> bool:
    """Whether an address is public or listed; one inside another counts as what it leads to."""
    if private.holds(address):
        return True
    inner = _inner(address)
    return may_dial(inner, private) if inner is not None else is_public(address)


def is_public(address: Address) -> bool:
    """Whether an address is anybody's, by IANA's tables and Python's."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not any(address in network for network in SPECIAL)
    if address not in GLOBAL or any(address in network for network in UNROUTED):
        return False
    if (int(address) >> 32) & LOW in ISATAP:
        return False
    return address.is_global


def _inner(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that is dialled in the end: of a mapped one, and through NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in TRANSLATED:
        return ipaddress.IPv4Address(int(address) & LOW)
    return address.ipv4_mapped


def _written_as_address(text: str) -> bool:
    """Whether digits and dots, colons or a slash say that an address is meant."""
    return bool(re.fullmatch(r"[0-9./]+|[0-9a-f:./]*:[0-9a-f:./]*", text))
