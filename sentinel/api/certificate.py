"""A home folder in, a certificate for this machine out: made once, made anew before it ends.

fal's Python client speaks nothing but https, so `sentinel serve --tls` needs one. Its authority is
drawn for it alone and its key thrown away at once: nobody can issue a second certificate that a
client with our `ca.pem` would trust.
"""

from __future__ import annotations

import os
import secrets
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sentinel.errors import ConfigError

NAMES = ("localhost", "queue.localhost", "127.0.0.1", "::1")
"""What the certificate is for, besides the host that is served."""

DAYS = 365
"""Days that a certificate is good for."""

AHEAD = timedelta(days=7)
"""Before its end a certificate is made anew: a server that is started today may run for a week."""

ANYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not listened on


@dataclass(frozen=True, slots=True)
class Certificate:
    """Two files in PEM, which nobody but their owner may read."""

    authority: Path
    """What a client must trust (SSL_CERT_FILE): ours, and after it what this machine trusts."""
    chain: Path
    """What the server shows, with its key."""


def certificate(home: Path, host: str) -> Certificate:
    """The certificate in `home`/tls, made where there is none that is good; ConfigError."""
    folder = home / "tls"
    found = Certificate(folder / "ca.pem", folder / "server.pem")
    names = NAMES if host in (*NAMES, *ANYWHERE) else (*NAMES, host)
    try:
        if not _good(found, names):
            _make(found, names)
    except (OSError, ValueError) as error:
        told = f"the certificate cannot be kept in {str(folder)!r} or made for {host!r} ({error})"
        raise ConfigError(f"{told}; make the folder writable, or serve without --tls") from error
    return found


def _good(found: Certificate, names: tuple[str, ...]) -> bool:
    """Whether both files are there, fit each other and these names, and last a while yet."""
    from cryptography import x509  # noqa: PLC0415 - needed with --tls only

    try:
        shown = x509.load_pem_x509_certificate(found.chain.read_bytes())
        authority = x509.load_pem_x509_certificate(found.authority.read_bytes())
        shown.verify_directly_issued_by(authority)
    except Exception:  # noqa: BLE001 - missing, damaged or another's: a new one is made
        return False
    wide = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = {str(each.value) for each in wide}
    now = datetime.now(UTC)
    lasts = shown.not_valid_before_utc <= now < shown.not_valid_after_utc - AHEAD
    return lasts and known >= set(names)


def _make(found: Certificate, names: tuple[str, ...]) -> None:
    """Draw an authority, have it issue one certificate, forget its key."""
    import trustme  # noqa: PLC0415 - needed with --tls only

    ours = trustme.CA(organization_name="Sentinel, this machine only")
    until = datetime.now(UTC) + timedelta(days=DAYS)
    issued = ours.issue_cert(*names, not_after=until, organization_name="Sentinel")
    folder = found.chain.parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    trusted = ssl.create_default_context().get_ca_certs(binary_form=True)
    theirs = "".join(map(ssl.DER_cert_to_PEM_cert, trusted))
    chain = b"".join(each.bytes() for each in issued.cert_chain_pems)
    _write(found.authority, ours.cert_pem.bytes() + theirs.encode("ascii"))
    _write(found.chain, chain + issued.private_key_pem.bytes())


def _write(path: Path, data: bytes) -> None:
    """All of it or nothing, and at no moment readable for others."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    temporary.replace(path)
