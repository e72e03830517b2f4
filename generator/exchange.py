"""One HTTP request to a service in, its answer out; whatever goes wrong is a ProviderError.

The key is read from the environment for every request and stands in nothing else: no log, no
repr, no error. What a service says of itself is shortened and cleaned before it is repeated.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import orjson

from generator.refusals import refusal
from sentinel.errors import (
    ConfigError,
    MissingRequirement,
    NoPicture,
    ProviderTimeout,
    Unreachable,
)

LIMIT = 100 * 2**20
"""Bytes of one answer: a picture of 64 MiB in base64 and some more."""

CONNECT = 10.0
"""Seconds for a connection; whoever takes longer is not there."""

KEY = re.compile(r"[\x21-\x7e]+")
"""What a key may be made of; anything else would end up in an error of the HTTP library."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered, with a status below 400."""

    provider: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def table(self) -> dict[str, Any]:
        """The JSON object in the body; NoPicture where there is none."""
        found = _loaded(self.body)
        if not isinstance(found, dict):
            raise NoPicture(self.provider, "answered with no JSON object", status=self.status)
        return found


@dataclass(frozen=True, slots=True)
class Call:
    """A request. `submits`: whether work is started by it that may be billed."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    submits: bool = False
    idempotency_key: str | None = None


class Exchange:
    """Requests to one service, with its key, over one pool of connections."""

    def __init__(
        self, provider: str, base_url: str, key_env: str, *, scheme: str = "Bearer"
    ) -> None:
        """`scheme` is the word before the key in the Authorization header."""
        self.provider = provider
        self.base = _base(provider, base_url)
        self._key_env = key_env
        self._scheme = scheme
        self._client: httpx2.Client | None = None
        self._opening = threading.Lock()

    @property
    def local(self) -> bool:
        """Whether the service is on this machine, where a key may be none."""
        return self.base.host in ("127.0.0.1", "localhost", "::1")

    def key(self) -> str | None:
        """The key; MissingRequirement where one is needed and none is set."""
        key = os.environ.get(self._key_env, "").strip()
        if not key and not self.local:
            told = f"a key in the environment variable {self._key_env}"
            raise MissingRequirement(
                f"generator {self.provider}", told, f"export {self._key_env}=…"
            )
        if key and not KEY.fullmatch(key):
            raise ConfigError(f"{self._key_env} holds characters that no key has; set it anew")
        return key or None

    def send(self, call: Call, deadline: float) -> Answer:
        """The answer, by `time.monotonic()` before the deadline; ProviderError otherwise."""
        key = self.key()
        left = deadline - time.monotonic()
        if left <= 0:
            raise ProviderTimeout(self.provider, "was not asked: the time is up", submitted=False)
        try:
            answer = self._answer(call, key, deadline)
        except (httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            told = "could not be connected to in time"
            raise ProviderTimeout(self.provider, told, submitted=False) from error
        except (httpx2.ConnectError, httpx2.UnsupportedProtocol, httpx2.ProxyError) as error:
            told = f"cannot be connected to ({error})"
            raise Unreachable(self.provider, told, submitted=False) from error
        except httpx2.TimeoutException as error:
            told = "did not answer in time"
            raise ProviderTimeout(self.provider, told, submitted=_unsure(call)) from error
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            told = f"broke the connection ({type(error).__name__})"
            raise Unreachable(self.provider, told, submitted=_unsure(call)) from error
        if answer.status >= httpx2.codes.MULTIPLE_CHOICES:
            raise refusal(self.provider, answer.status, answer.headers, answer.body, key)
        return answer

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _answer(self, call: Call, key: str | None, deadline: float) -> Answer:
        left = max(0.1, deadline - time.monotonic())
        with self._opened().stream(
            call.method,
            f"{self.base}{call.path}",
            content=None if call.body is None else json.dumps(call.body).encode(),
            headers=self._headers(call, key),
            timeout=httpx2.Timeout(left, connect=min(left, CONNECT)),
        ) as response:
            body = bytearray()
            for block in response.iter_bytes():
                body += block
                if len(body) > LIMIT:
                    raise NoPicture(self.provider, f"answered with more than {LIMIT:,} bytes")
                if time.monotonic() > deadline:
                    raise httpx2.ReadTimeout("the answer trickles in")
            return Answer(self.provider, response.status_code, response.headers, bytes(body))

    def _headers(self, call: Call, key: str | None) -> dict[str, str]:
        headers = {"accept": "application/json", "user-agent": "sentinel-gatekeeper"}
        if call.body is not None:
            headers["content-type"] = "application/json"
        if key is not None:
            headers["authorization"] = f"{self._scheme} {key}"
        if call.idempotency_key is not None:
            headers["idempotency-key"] = call.idempotency_key
        return headers

    def _opened(self) -> httpx2.Client:
        with self._opening:
            if self._client is None:
                self._client = httpx2.Client(follow_redirects=False)
            return self._client


def _loaded(body: bytes) -> object:
    """What the JSON says; None where it is none.

    NaN, which services written in Python send, is no JSON, and no reason to lose a picture.
    """
    try:
        return orjson.loads(body)
    except ValueError:
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            return None


def _base(provider: str, base_url: str) -> httpx2.URL:
    """The operator's address without its last slash; ConfigError where it is none."""
    try:
        url = httpx2.URL(base_url.rstrip("/"))
    except httpx2.InvalidURL as error:
        raise ConfigError(f"generator {provider!r}: base_url is {base_url!r}; {error}") from error
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query:
        told = "use http:// or https://, a host and a path, and nothing else"
        raise ConfigError(f"generator {provider!r}: base_url is {str(url)!r}; {told}")
    return url


def _unsure(call: Call) -> bool | None:
    """What silence says of the bill: nothing after a submit, and no more than before otherwise."""
    return None if call.submits else False
