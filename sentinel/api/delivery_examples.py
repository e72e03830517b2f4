"""What the OpenAPI document shows of deliveries and callback secrets."""

from __future__ import annotations

from sentinel.api.examples import ID, Json, Responses, answered, refused

DELIVERY: Json = {
    "id": ID, "event": "run.completed", "url": "https://shop.example/hooks/pictures",
    "surface": "runflow", "reference": ID, "status": "waiting",
    "attempts": [
        {"at": "2026-01-31T12:00:00.000+00:00", "status": 503, "error": None, "milliseconds": 210},
        {"at": "2026-01-31T12:00:16.000+00:00", "status": None,
         "error": "no answer within 15 s", "milliseconds": 15000},
    ],
    "next_attempt": "2026-01-31T12:01:02.000+00:00",
    "created": "2026-01-31T12:00:00.000+00:00", "updated": "2026-01-31T12:00:31.000+00:00",
    "delivery_url": f"/v1/deliveries/{ID}",
}  # fmt: skip

WHOLE: Json = {**DELIVERY, "body": '{"event": "run.completed", "status": "succeeded"}'}

SECRET: Json = {"id": ID, "label": "shop", "created": "2026-01-31T12:00:00.000+00:00"}

NEW_SECRET: Json = {**SECRET, "plain_secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"}

SECRET_BODY: Json = {
    "requestBody": {
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"label": {"type": "string", "maxLength": 100}},
                },
                "example": {"label": "shop"},
            }
        }
    }
}

NO_DELIVERY = refused("No such delivery", "not_found", f"there is no delivery '{ID}'")
NO_SECRET = refused("No such secret", "not_found", f"there is no callback secret '{ID}'")
INVALID = refused("A field cannot be used", "invalid",
                  "limit: Input should be less than or equal to 100", "limit")  # fmt: skip

LIST_RESPONSES: Responses = {
    200: answered("Deliveries, the newest first", {"deliveries": [DELIVERY], "next_url": None}),
    404: NO_DELIVERY,
    422: INVALID,
}
ONE_RESPONSES: Responses = {
    200: answered("How it fares", WHOLE), 404: NO_DELIVERY, 422: INVALID,
}  # fmt: skip
AGAIN_RESPONSES: Responses = {
    202: answered("It is delivered once more", DELIVERY),
    404: NO_DELIVERY,
    409: refused("It is being sent right now", "delivery_busy",
                 f"delivery {ID} is being sent right now; look at how that goes first"),
    422: INVALID,
}  # fmt: skip
SECRETS_RESPONSES: Responses = {200: answered("The secrets that are live", {"secrets": [SECRET]})}
NEW_SECRET_RESPONSES: Responses = {
    201: answered("The secret, shown this once", NEW_SECRET),
    400: refused("The body cannot be parsed", "json_invalid", "the body is not JSON"),
    409: refused("Two are live already", "too_many_secrets", "2 secrets are live already"),
    422: refused("A field cannot be used", "invalid",
                 "label: String should have at most 100 characters", "label"),
}  # fmt: skip
SECRET_RESPONSES: Responses = {
    200: answered("The secret that nothing is signed with any more", SECRET),
    404: NO_SECRET,
    422: INVALID,
}
