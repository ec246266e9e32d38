"""WebhookSender: signed, tried again, and never sent inside the network."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tests.support.fake_service import FakeService, Recorded
from tests.support.service_clients import SECRET
from yivideo_ray.config import ServeSettings, Settings
from yivideo_ray.errors import ServiceError
from yivideo_ray.http.webhooks import WebhookSender, is_public, require_callback
from yivideo_ray.service.contract import DueCallback

BODY = json.dumps({"workflow_id": "w1", "state": "SUCCESS", "video": "电影.mp4"}).encode()


@dataclass(slots=True)
class Listener:
    """What a server on loopback was asked, and what it answers with."""

    port: int
    status: int = 204
    location: str = ""
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Listener]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(found.status)
            if found.location:
                self.send_header("Location", found.location)
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - what a redirect would lead to

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    found = Listener(server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


def settings(allow: bool = True, max_retries: int = 3) -> Settings:
    return Settings.model_validate(
        {
            "serve": {"callback_secret": SECRET, "allow_private_callbacks": allow},
            "gpu_lock": {"retry_interval": 10, "max_retry_interval": 60, "max_retries": max_retries},
        }
    )


def deliver(url: str, chosen: Settings, attempt: int = 1) -> Recorded:
    service = FakeService(due=[DueCallback("w1", url, attempt, BODY, "msg_1")])
    assert asyncio.run(WebhookSender(service, chosen).deliver_due()) == 1
    (recorded,) = service.recorded
    return recorded


def test_a_callback_is_what_standard_webhooks_verifies(listener: Listener) -> None:
    recorded = deliver(f"http://localhost:{listener.port}/done?x=1", settings())
    assert recorded == Recorded("w1", delivered=True, next_attempt=None)
    ((path, headers, body),) = listener.asked
    assert path == "/done?x=1"
    assert body == BODY
    assert headers["host"] == f"localhost:{listener.port}"
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "msg_1"
    assert Webhook(SECRET).verify(body, headers) == json.loads(BODY)
    with pytest.raises(Exception, match="signature"):
        Webhook(SECRET).verify(body + b" ", headers)


@pytest.mark.parametrize("status", [500, 404, 301, 400])
def test_any_other_answer_is_tried_again_after_the_backoff(listener: Listener, status: int) -> None:
    listener.status = status
    for attempt, least_s, most_s in ((1, 5, 20), (3, 20, 60)):
        before = time.time()
        recorded = deliver(f"http://127.0.0.1:{listener.port}/", settings(), attempt)
        assert not recorded.delivered
        assert recorded.next_attempt is not None
        assert least_s <= recorded.next_attempt - before <= most_s + 5


def test_after_the_last_attempt_it_is_given_up(listener: Listener) -> None:
    listener.status = 500
    recorded = deliver(f"http://127.0.0.1:{listener.port}/", settings(max_retries=3), attempt=4)
    assert recorded == Recorded("w1", delivered=False, next_attempt=None)


def test_nobody_there_is_tried_again() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    recorded = deliver(f"http://127.0.0.1:{port}/", settings())
    assert (recorded.delivered, recorded.next_attempt is not None) == (False, True)


def test_a_redirect_is_not_followed(listener: Listener) -> None:
    with listening() as other:
        listener.status, listener.location = 307, f"http://127.0.0.1:{other.port}/"
        assert not deliver(f"http://127.0.0.1:{listener.port}/", settings()).delivered
        assert len(listener.asked) == 1
        assert other.asked == []


def test_no_proxy_of_the_environment_is_asked(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert deliver(f"http://127.0.0.1:{listener.port}/", settings()).delivered
        assert proxy.asked == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1", "0", "2130706433"])
def test_loopback_is_never_asked_unless_the_settings_allow_it(listener: Listener, host: str) -> None:
    assert not deliver(f"http://{host}:{listener.port}/", settings(allow=False)).delivered
    assert listener.asked == []


def test_a_name_that_leads_inside_is_not_asked_and_is_looked_up_once(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def names(answers: list[str]) -> None:
        def look_up(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answer, port)) for answer in answers]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    url = f"http://rebinding.example:{listener.port}/"
    # One of them public is not enough.
    names(["93.184.216.34", "127.0.0.1"])
    assert not deliver(url, settings(allow=False)).delivered
    # What was looked up is what is called, whatever the name means a moment later.
    names(["127.0.0.1"])
    asked.clear()
    assert deliver(url, settings(allow=True)).delivered
    assert [host for host in asked if host == "rebinding.example"] == ["rebinding.example"]
    assert listener.asked[0][1]["host"] == f"rebinding.example:{listener.port}"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("127.255.0.1", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("168.63.129.16", False),
        ("192.0.2.1", False),
        ("224.0.0.1", False),
        ("239.1.1.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::5db8:d822", True),
        ("2002:7f00:1::", False),
        ("fd00:ec2::254", False),
        ("2606:4700:4700::1111", True),
        ("64:ff9b:1::7f00:1", False),
        ("fec0::1", False),
        ("2001::1", False),
        ("2001:db8::1", False),
        ("100::1", False),
        ("5f00::1", False),
        ("192.88.99.1", False),
        ("0.0.0.1", False),
        ("172.32.0.1", True),
        ("no address", False),
    ],
)
def test_only_addresses_of_the_public_internet_are_public(address: str, expected: bool) -> None:
    assert is_public(address) is expected


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost:9/",
        "https://app.localhost/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.8/",
        "ftp://client.example/",
        "file:///etc/passwd",
        "data:text/plain,x",
        "http://user@client.example/",
        "http://",
    ],
)
def test_what_would_never_be_called_is_refused_at_once(url: str) -> None:
    with pytest.raises(ServiceError) as caught:
        require_callback(url, settings(allow=False).serve)
    assert caught.value.code.name == "CALLBACK_FORBIDDEN"


def test_public_names_and_what_the_settings_allow_may_be_called() -> None:
    require_callback("https://client.example:8443/done", settings(allow=False).serve)
    require_callback("http://127.0.0.1:9/", settings(allow=True).serve)


def test_without_a_secret_no_callback_is_taken() -> None:
    with pytest.raises(ServiceError, match="secret") as caught:
        require_callback("https://client.example/", ServeSettings())
    assert "serve.callback_secret" in caught.value.remedy


def test_a_certificate_is_checked_for_the_name_and_not_for_the_address() -> None:
    """A client hello names the host that was asked for; nobody here has a certificate for it."""
    seen: list[str | None] = []

    def note(_: ssl.SSLSocket, name: str | None, __: ssl.SSLContext) -> None:
        seen.append(name)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = note  # type: ignore[assignment]
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection, pytest.raises(ssl.SSLError):
                context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=serve)
        thread.start()
        recorded = deliver(f"https://localhost:{server.getsockname()[1]}/", settings())
        thread.join(20)
    assert seen == ["localhost"]
    assert not recorded.delivered


def test_a_fault_of_the_storage_does_not_end_the_deliveries(listener: Listener) -> None:
    class Failing(FakeService):
        asked = 0

        async def due_callbacks(self, now: float) -> Any:
            Failing.asked += 1
            if Failing.asked == 1:
                raise ServiceError("It is away.", code="STORAGE_UNAVAILABLE")
            return await FakeService.due_callbacks(self, now)

    service = Failing(due=[DueCallback("w1", f"http://127.0.0.1:{listener.port}/", 1, BODY, "msg_1")])

    async def run() -> None:
        running = asyncio.ensure_future(WebhookSender(service, settings()).run())
        deadline = time.monotonic() + 20
        while not service.recorded and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        running.cancel()

    asyncio.run(run())
    assert service.recorded == [Recorded("w1", delivered=True, next_attempt=None)]
