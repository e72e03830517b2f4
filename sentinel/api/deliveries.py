"""Deliveries and their secrets on the wire: what was told to whom, how it went, and once more.

A caller sees the deliveries and secrets of the project that their key belongs to.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field, ValidationError
from starlette.responses import Response

from sentinel.api import delivery_examples, examples
from sentinel.api.errors import Refusal
from sentinel.api.intake import Line, invalid, json_of, problem_of
from sentinel.api.routes import house_of, reply
from sentinel.api.wire import Wire
from sentinel.store.callbacks import CallbackSecret, TooManySecrets
from sentinel.store.deliveries import Delivery, DeliveryState

router = APIRouter()

MOST = 100
"""Deliveries that one page of a list holds."""

ID = "^[0-9A-Za-z_-]+$"
DeliveryId = Annotated[str, Path(max_length=128, pattern=ID, examples=[examples.ID])]
SecretId = Annotated[str, Path(max_length=64, pattern=ID, examples=[examples.ID])]
After = Annotated[str | None, Query(max_length=128, pattern=ID)]
Reference = Annotated[str | None, Query(max_length=128)]


class AttemptAnswer(Wire):
    """One try; `status` is what the receiver answered, `error` why there is none."""

    at: str
    status: int | None
    error: str | None
    milliseconds: int


class DeliveryAnswer(Wire):
    """How a delivery fares."""

    id: str
    event: str
    url: str
    surface: str
    reference: str
    """What it is about: a batch's or run's id in that surface."""
    status: DeliveryState
    attempts: tuple[AttemptAnswer, ...]
    next_attempt: str | None
    """ISO 8601, UTC; null where none follows."""
    created: str
    updated: str
    delivery_url: str

    @classmethod
    def of(cls, delivery: Delivery, **more: object) -> Self:
        """The wire form of a delivery."""
        tries = tuple(
            AttemptAnswer(
                at=_written(each.at_ms),
                status=each.status,
                error=each.error,
                milliseconds=each.milliseconds,
            )
            for each in delivery.attempts
        )
        known = {
            "id": delivery.id, "event": delivery.event, "url": delivery.url,
            "surface": delivery.surface, "reference": delivery.reference,
            "status": delivery.state, "attempts": tries,
            "next_attempt": _written(delivery.next_ms) if delivery.state == "waiting" else None,
            "created": _written(delivery.created_ms), "updated": _written(delivery.updated_ms),
            "delivery_url": f"/v1/deliveries/{delivery.id}",
        }  # fmt: skip
        return cls.model_validate(known | more)


class WholeDeliveryAnswer(DeliveryAnswer):
    """A delivery with what is sent."""

    body: str
    """As it is sent, byte by byte, in UTF-8."""


class DeliveriesAnswer(Wire):
    """One page of deliveries, the newest first."""

    deliveries: tuple[DeliveryAnswer, ...]
    next_url: str | None
    """The next page; null on the last one."""


class SecretRequest(Wire):
    """The fields of POST /v1/callback-secrets."""

    label: Annotated[Line, Field(max_length=100)] = ""
    """For people: where it is used."""


class SecretAnswer(Wire):
    """A secret without what is secret."""

    id: str
    label: str
    created: str

    @classmethod
    def of(cls, secret: CallbackSecret, **more: str) -> Self:
        """The wire form of a secret."""
        written = _written(secret.created_ms)
        return cls.model_validate(
            {"id": secret.id, "label": secret.label, "created": written} | more
        )


class NewSecretAnswer(SecretAnswer):
    """A secret that was just made; `plain_secret` is shown this once."""

    plain_secret: str


class SecretsAnswer(Wire):
    """The secrets that are live, the newest first; deliveries are signed with both."""

    secrets: tuple[SecretAnswer, ...]


@router.get(
    "/v1/deliveries", response_model=DeliveriesAnswer, responses=delivery_examples.LIST_RESPONSES
)
async def deliveries(
    request: Request,
    status: DeliveryState | None = None,
    reference: Reference = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 20,
    after: After = None,
) -> Response:
    """Every delivery that is known, the newest first; `status` and `reference` pick some."""
    found = await asyncio.to_thread(
        house_of(request).store.deliveries.page,
        project=_project(request), state=status, reference=reference, limit=limit, after=after,
    )  # fmt: skip
    onward = None
    if found.after is not None:
        asked = request.url.include_query_params(after=found.after)
        onward = f"{asked.path}?{asked.query}"
    told = tuple(DeliveryAnswer.of(each) for each in found.deliveries)
    return reply(DeliveriesAnswer(deliveries=told, next_url=onward))


@router.get(
    "/v1/deliveries/{delivery_id}",
    response_model=WholeDeliveryAnswer,
    responses=delivery_examples.ONE_RESPONSES,
)
async def delivery(request: Request, delivery_id: DeliveryId) -> Response:
    """How a delivery fares, every attempt at it, and the body that is sent."""
    kept = house_of(request).store.deliveries
    found = await asyncio.to_thread(kept.one, delivery_id, _project(request))
    return reply(WholeDeliveryAnswer.of(found, body=found.body.decode()))


@router.post(
    "/v1/deliveries/{delivery_id}/redeliver",
    status_code=202,
    response_model=DeliveryAnswer,
    responses=delivery_examples.AGAIN_RESPONSES,
)
async def redeliver(request: Request, delivery_id: DeliveryId) -> Response:
    """Deliver once more, under the same id and with a new schedule, whatever became of it."""
    house = house_of(request)
    begun = await house.webhooks.again(delivery_id, _project(request))
    if begun is None:
        told = f"delivery {delivery_id} is being sent right now; look at how that goes first"
        raise Refusal(409, "delivery_busy", told, headers={"Retry-After": "1"})
    return Response(DeliveryAnswer.of(begun).model_dump_json(), 202, media_type="application/json")


@router.get(
    "/v1/callback-secrets",
    response_model=SecretsAnswer,
    responses=delivery_examples.SECRETS_RESPONSES,
)
async def callback_secrets(request: Request) -> Response:
    """The secrets that deliveries are signed with, without what is secret."""
    kept = house_of(request).store.callbacks
    found = await asyncio.to_thread(kept.secrets, _project(request))
    return reply(SecretsAnswer(secrets=tuple(SecretAnswer.of(each) for each in found)))


@router.post(
    "/v1/callback-secrets",
    status_code=201,
    response_model=NewSecretAnswer,
    responses=delivery_examples.NEW_SECRET_RESPONSES,
    openapi_extra=delivery_examples.SECRET_BODY,
)
async def create_callback_secret(request: Request) -> Response:
    """Make a secret that deliveries are signed with from now on; it is shown this once."""
    table = json_of(await request.body() or b"{}", needed="label")
    try:
        asked = SecretRequest.model_validate(table)
    except ValidationError as error:
        told = [problem_of(dict(found), SecretRequest) for found in error.errors()]
        raise invalid(told) from None
    kept = house_of(request).store.callbacks
    try:
        made = await asyncio.to_thread(kept.create, _project(request), asked.label)
    except TooManySecrets as error:
        raise Refusal(409, error.code, str(error)) from None
    answer = NewSecretAnswer.of(made, plain_secret=made.secret)
    headers = {"Cache-Control": "no-store", "Location": f"/v1/callback-secrets/{made.id}"}
    return Response(answer.model_dump_json(), 201, media_type="application/json", headers=headers)


@router.delete(
    "/v1/callback-secrets/{secret_id}",
    response_model=SecretAnswer,
    responses=delivery_examples.SECRET_RESPONSES,
)
async def revoke_callback_secret(request: Request, secret_id: SecretId) -> Response:
    """Sign with it no more, from the next attempt on."""
    kept = house_of(request).store.callbacks
    gone = await asyncio.to_thread(kept.revoke, _project(request), secret_id)
    return reply(SecretAnswer.of(gone))


def _project(request: Request) -> str:
    project: str = request.state.caller.project
    return project


def _written(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
