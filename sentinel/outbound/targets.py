"""URL in, what is dialled for it out; or Forbidden, with what is wrong with it.

A URL is taken apart once, here, and its parts are what is dialled: no second parser ever sees the
text, so that no two can read it differently. Nothing is looked up yet; `dialling` checks what a
name leads to.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

import httpx2

from sentinel.outbound.addresses import HOST, LONGEST, NOTHING, SETTING, Private, may_dial
from sentinel.outbound.troubles import Forbidden

PORTS = {"http": 80, "https": 443}
"""Schemes that are dialled, and the ports of public hosts that are."""

LENGTH = 4096
"""Characters of a URL: presigned ones of object stores have up to 2,000."""

ODD = re.compile(r"[\x00-\x20\x7f\\]")
"""What parsers disagree about: blanks, control characters, backslashes."""

NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label that makes browsers and C libraries read the whole host as an IPv4 address."""

LOCAL = ("localhost", "local", "localdomain", "internal", "intranet", "private", "corp", "home",
         "lan", "home.arpa")  # fmt: skip
"""Names, and ends of names, that are nobody's in public DNS."""

LISTING = f"if that is meant, whoever runs this server lists it in {SETTING}"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to dial and what to ask for. `host` is ASCII, without brackets."""

    scheme: str
    host: str
    port: int
    path: str
    """With the query."""

    @property
    def name(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Whole again, for what it redirects to."""
        return f"{self.scheme}://{self.name}{self.path}"


def target_of(text: str, private: Private = NOTHING) -> Target:
    """The target of a URL, as far as its text tells; Forbidden."""
    if len(text) > LENGTH:
        raise Forbidden(f"its address has more than {LENGTH:,} characters")
    if ODD.search(text):
        raise Forbidden("its address holds a blank, a backslash or a control character")
    try:
        url = httpx2.URL(text)
        host, path = url.raw_host.decode("ascii").lower(), url.raw_path.decode("ascii")
    except (httpx2.InvalidURL, UnicodeError, ValueError) as error:
        raise Forbidden("its address cannot be read; write https://host/path") from error
    if url.scheme not in PORTS or not host:
        raise Forbidden("its address is neither http nor https; write https://host/path")
    if url.userinfo or "@" in re.split("[/?#]", text.partition("//")[2])[0]:
        raise Forbidden("its address holds a user name; leave it out")
    port = PORTS[url.scheme] if url.port is None else url.port
    if not 0 < port <= 0xFFFF:  # noqa: PLR2004 - ports have 16 bits
        raise Forbidden("its address names no port")
    _check_host(host, private)
    _check_port(port, private)
    return Target(url.scheme, host, port, path)


def refuse_port(port: int) -> Forbidden:
    """The refusal of a port at a public host."""
    told = f"its address names port {port}; of public hosts only 80 and 443 are dialled"
    return Forbidden(f"{told}; a private one is listed in {SETTING} by whoever runs this server")


def refuse_place(host: str) -> Forbidden:
    """The refusal of a host that is not public."""
    return Forbidden(f"its address leads into a network that is not public ({host}); {LISTING}")


def _check_port(port: int, private: Private) -> None:
    """Where nothing is listed, every host must be public; else `dialling` knows which is."""
    if not private and port not in PORTS.values():
        raise refuse_port(port)


def _check_host(host: str, private: Private) -> None:
    """One spelling of an address, names that may be public, and whatever is listed."""
    if private.names(host):
        return
    if ":" in host:
        _check_address(host, host, private)
        return
    bare = host.rstrip(".")
    last = bare.rpartition(".")[2]
    if NUMBER.fullmatch(last):
        _check_address(bare, host, private)
    elif not HOST.fullmatch(host) or len(host) > LONGEST:
        raise Forbidden("its address names no host that could be looked up")
    elif _is_local(bare) and not (bare == "localhost" and private.networks):
        raise refuse_place(host)


def _check_address(text: str, host: str, private: Private) -> None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        told = "its address writes its host as a number in an odd way; write it as 192.0.2.1"
        raise Forbidden(told) from error
    if text != host or getattr(address, "scope_id", None):
        raise Forbidden("its address writes its host as a number with something added")
    if not may_dial(address, private):
        raise refuse_place(host)


def _is_local(name: str) -> bool:
    return "." not in name or any(name == each or name.endswith(f".{each}") for each in LOCAL)
