"""`GET /rtc/validate`: which token opens the door, and what the others are told."""

import time

import aiohttp
import jwt as pyjwt
import pytest

import settings

ROOM = "validate"


def _sign(claims: dict, secret=settings.API_SECRET, algorithm="HS256") -> str:
    return pyjwt.encode(claims, secret, algorithm=algorithm)


def _claims(**changes) -> dict:
    now = int(time.time())
    claims = {"iss": settings.API_KEY, "sub": "alice", "nbf": now - 5, "exp": now + 600, "video": {"room": ROOM, "roomJoin": True}}
    claims.update(changes)
    return {k: v for k, v in claims.items() if v is not None}


# Case, token, allowed status of /rtc/validate, allowed status of /rtc/v1/validate without a join request.
CASES = [
    ("valid", _sign(_claims()), {200}, {200, 400}),
    ("no token", None, {401}, {401}),
    ("garbage", "garbage", {401}, {401}),
    ("wrong secret", _sign(_claims(), "another secret of thirty-two bytes"), {401}, {401}),
    ("unknown key", _sign(_claims(iss="other")), {401}, {401}),
    ("expired", _sign(_claims(exp=int(time.time()) - 600)), {401}, {401}),
    ("not valid for an hour", _sign(_claims(nbf=int(time.time()) + 3600)), {401}, {401}),
    ("clock 30 s off", _sign(_claims(nbf=int(time.time()) + 30)), {200}, {200, 400}),
    ("alg none", _sign(_claims(), None, "none"), {401}, {401}),
    ("no roomJoin", _sign(_claims(video={"room": ROOM})), {401, 403}, {400, 401, 403}),
    ("no room", _sign(_claims(video={"roomJoin": True})), {400, 401, 403}, {400, 401, 403}),
    ("no identity", _sign(_claims(sub=None)), {400, 401}, {400, 401}),
    ("empty identity", _sign(_claims(sub="")), {400, 401}, {400, 401}),
    ("no video grant", _sign(_claims(video=None)), {401, 403}, {401, 403}),
]


async def _get(path: str, **options):
    async with aiohttp.ClientSession() as session, session.get(settings.HTTP + path, **options) as answer:
        return answer.status, await answer.text(), answer.headers


@pytest.mark.parametrize("name,token,v0,v1", CASES, ids=[case[0] for case in CASES])
async def test_a_token_is_judged(name, token, v0, v1):
    query = {"access_token": token} if token is not None else {}

    status, body, headers = await _get("/rtc/validate", params=query, headers={"Origin": "https://example.org"})
    status_v1, body_v1, _ = await _get("/rtc/v1/validate", params=query)

    assert status in v0, body
    assert status_v1 in v1, body_v1
    assert (status == 200) == (body == "success")
    assert headers.get("Access-Control-Allow-Origin") in ("*", "https://example.org")
    assert body, "a refusal says why"


async def test_a_token_in_the_header_counts_too():
    headers = {"Authorization": f"Bearer {_sign(_claims())}"}

    assert (await _get("/rtc/validate", headers=headers))[:2] == (200, "success")


async def test_a_preflight_is_answered():
    headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    async with aiohttp.ClientSession() as session, session.options(settings.HTTP + "/rtc/validate", headers=headers) as answer:
        assert answer.status in (200, 204)
        assert answer.headers["Access-Control-Allow-Origin"] in ("*", "https://example.org")
        assert "authorization" in answer.headers["Access-Control-Allow-Headers"].lower()


async def test_an_unknown_path_is_not_found():
    assert (await _get("/rtc/nothing"))[0] == 404
