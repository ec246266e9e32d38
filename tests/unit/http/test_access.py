"""Who may ask the service, and under which address it may be served."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from yivideo_ray.errors import ConfigError
from yivideo_ray.http.access import Access, Keys, is_loopback, require_safe_address

KEY = "a-key-of-the-tests"


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body"})


def status(keys: list[str], path: str = "/v1/queue", own_host: str = "127.0.0.1", **headers: str) -> int:
    found: list[int] = []

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        found.extend([message["status"]] if message["type"] == "http.response.start" else [])

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    sent = {"host": "localhost:8788", **headers}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in sent.items() if value]
    scope = {"type": "http", "method": "GET", "path": path, "headers": raw}
    asyncio.run(Access(_app, Keys(keys), own_host)(scope, receive, send))
    return found[0]


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ("", 401),
        (f"Bearer {KEY}", 200),
        (f"bearer  {KEY} ", 200),
        ("Bearer another-key-of-the-tests", 200),
        (f"Bearer {KEY}x", 401),
        (f"Bearer {KEY[:-1]}", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        (KEY, 401),
        (f"Basic {KEY}", 401),
        ("Bearer \xff\xfe", 401),
    ],
)
def test_only_a_bearer_key_of_the_settings_opens(authorization: str, expected: int) -> None:
    assert status([KEY, "another-key-of-the-tests"], authorization=authorization) == expected


@pytest.mark.parametrize("path", ["/livez", "/docs"])
def test_whether_it_lives_and_how_it_is_used_needs_no_key(path: str) -> None:
    assert status([KEY], path) == 200


@pytest.mark.parametrize("path", ["/", "/docs/", "/docs/x", "//docs", "/DOCS", "/livez/../v1/queue", "/nothing"])
def test_everything_else_needs_one_also_what_is_not_there(path: str) -> None:
    assert status([KEY], path) == 401


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:1", 200),
        ("127.8.9.10", 200),
        ("[::1]:8788", 200),
        ("LOCALHOST", 200),
        ("localhost.", 200),
        ("app.localhost", 200),
        ("box", 200),
        ("", 421),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("192.168.1.4", 421),
        ("[::2]", 421),
        ("[", 421),
        ("user@evil.example", 421),
    ],
)
def test_without_keys_only_names_of_this_machine_are_answered(host: str, expected: int) -> None:
    assert status([], host=host, own_host="box") == expected


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://localhost:8788", 200),
        # Behind a proxy with TLS the name and the port are still its own.
        ("https://localhost:8788", 200),
        ("http://localhost", 403),
        ("http://localhost:3000", 403),
        ("http://127.0.0.1:8788", 403),
        ("http://anything.localhost", 403),
        ("http://localhost:x", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("http://localhost.evil.example", 403),
        ("http://[", 403),
    ],
)
def test_without_keys_pages_of_other_sites_can_ask_nothing(origin: str, expected: int) -> None:
    assert status([], origin=origin) == expected


def test_with_a_key_the_name_does_not_matter() -> None:
    assert status([KEY], host="videos.example", authorization=f"Bearer {KEY}") == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.9"])
def test_loopback_may_be_served_without_keys(host: str) -> None:
    require_safe_address(host, [])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "8.8.8.8", "192.168.0.1", "10.0.0.1"])
def test_any_other_address_needs_keys(host: str) -> None:
    with pytest.raises(ConfigError) as caught:
        require_safe_address(host, [])
    assert caught.value.code.name == "SERVICE_EXPOSED"
    require_safe_address(host, [KEY])


@pytest.mark.parametrize("host", ["no such host", "", "a" * 300, "300.1.1.1"])
def test_a_host_that_is_none_is_a_wrong_setting(host: str) -> None:
    with pytest.raises(ConfigError) as caught:
        require_safe_address(host or "\0", [KEY])
    assert caught.value.code.name == "CONFIG_INVALID"


def test_names_that_only_look_like_loopback_are_not() -> None:
    assert not is_loopback("127.0.0.1.nip.io")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("")
