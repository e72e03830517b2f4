"""An address in, one verified file out.

A download goes to `NAME.part` beside its target, survives an interruption and is continued with an
HTTP Range request. Only a file whose checksum is right ever gets its real name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import cast

import httpx2

from sentinel.errors import SentinelError

Progress = Callable[[str, int, int | None], None]
"""Called with the file's name, the bytes that are here and the bytes there will be (or None)."""

TRIES = 4
"""Times a download may be cut without bringing a single new byte before we give up."""

TIMEOUT = httpx2.Timeout(30.0, connect=10.0)
"""Seconds. A mirror that is silent for half a minute is gone; the rest is continued later."""


class PullError(SentinelError):
    """A model could not be brought here: no network, no space, wrong bytes, no such file."""

    code = "pull_failed"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file: where it is, where it goes, its sha256 and size where the publisher gives them."""

    address: str
    target: Path
    sha256: str | None = None
    size: int | None = None


def client() -> httpx2.Client:
    """A client that follows the redirects to a mirror and honours proxy variables."""
    return httpx2.Client(
        timeout=TIMEOUT, follow_redirects=True, headers={"user-agent": "sentinel-gatekeeper"}
    )


def fetch(http: httpx2.Client, wanted: Wanted, progress: Progress) -> None:
    """Bring one file, continuing what an earlier try left; PullError if that cannot be done."""
    wanted.target.parent.mkdir(parents=True, exist_ok=True)
    if wanted.target.exists():
        return
    part = wanted.target.with_name(wanted.target.name + ".part")
    idle = 0
    while True:
        before = _size(part)
        try:
            _receive(http, wanted, part, progress)
            break
        except (httpx2.TransportError, _CutError) as error:
            idle = idle + 1 if _size(part) <= before else 0
            if idle >= TRIES or isinstance(error, httpx2.ConnectError | httpx2.UnsupportedProtocol):
                raise _gave_up(wanted, part, error) from error
        except httpx2.HTTPError as error:
            raise _gave_up(wanted, part, error) from error
    verify(part, wanted.sha256, wanted.target.name)
    part.replace(wanted.target)
    _mark(part).unlink(missing_ok=True)


def verify(path: Path, sha256: str | None, name: str) -> None:
    """Check a file's sha256; a wrong one is deleted, so that no later try builds on it."""
    if sha256 is None:
        return
    found = digest(path)
    if found != sha256.lower():
        path.unlink()
        _mark(path).unlink(missing_ok=True)
        raise PullError(
            f"{name} has the wrong checksum (expected sha256 {sha256[:12]}…, got {found[:12]}…); "
            "it was deleted. Pull again; if it happens twice, do not trust that source"
        )


def digest(path: Path) -> str:
    """The sha256 of a file, as hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class _CutError(Exception):
    """The stream ended before the length that was announced."""


def _receive(http: httpx2.Client, wanted: Wanted, part: Path, progress: Progress) -> None:
    have = _size(part)
    if wanted.size is not None and have == wanted.size:
        return
    headers = {"accept-encoding": "identity"}
    if have:
        headers["range"] = f"bytes={have}-"
        mark = _mark(part)
        if mark.exists():
            headers["if-range"] = mark.read_text()
    with http.stream("GET", wanted.address, headers=headers) as response:
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink()
            raise _CutError("what an earlier try left does not fit the file; started again")
        if response.is_error:
            raise _refused(wanted, response.status_code)
        if response.status_code != HTTPStatus.PARTIAL_CONTENT:
            have = 0  # the server starts from the first byte, so do we
        _remember(part, response)
        _write(response, part, have, progress)


def _write(response: httpx2.Response, part: Path, have: int, progress: Progress) -> None:
    length = response.headers.get("content-length")
    packed = "content-encoding" in response.headers  # then the length is that of the packed bytes
    total = have + int(length) if length and not packed else None
    name = part.name.removesuffix(".part")
    with part.open("r+b" if have else "wb") as stream:
        stream.seek(have)
        for block in response.iter_bytes():
            stream.write(block)
            have += len(block)
            progress(name, have, total)
        stream.truncate()
    if total is not None and have < total:
        raise _CutError(f"the connection ended after {have:,} of {total:,} bytes")


def _remember(part: Path, response: httpx2.Response) -> None:
    """Keep the strong validator: a file that changed on the server must not be half of each."""
    etag = cast("str", response.headers.get("etag", ""))
    if etag and not etag.startswith("W/"):
        _mark(part).write_text(etag)


def _refused(wanted: Wanted, status: int) -> PullError:
    host = httpx2.URL(wanted.address).host
    hint = {
        401: "it asks for an account; download the file by hand",
        403: "it asks for an account; download the file by hand",
        404: "there is no such file; the address may have moved",
        429: "too many requests; try again later",
    }.get(status, "try again later")
    return PullError(f"{host} answered {status} for {wanted.target.name}: {hint}")


def _gave_up(wanted: Wanted, part: Path, error: Exception) -> PullError:
    host = httpx2.URL(wanted.address).host or wanted.address
    have = _size(part)
    if not have:
        return PullError(
            f"{host} cannot be reached ({_short(error)}); is this machine offline, or behind a "
            "proxy (HTTPS_PROXY)? On a machine without network, copy the model's folder there"
        )
    return PullError(
        f"{wanted.target.name} stopped after {have / 1e6:.1f} MB ({_short(error)}); "
        "run the same command again and it goes on from there"
    )


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _mark(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
