"""Hostile dialogues: what a client that means harm, or speaks no HTTP, may send, and what it got."""

from __future__ import annotations

import random
import socket
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice

__all__ = ["Dialogue", "Heard", "dialogues", "speak"]

AT_ONCE = 20
SILENCE_S = 60.0
Pieces = list[bytes]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """pieces are sent one after the other, with pause_s between; reset: the connection is reset behind the last."""

    name: str
    pieces: tuple[bytes, ...]
    pause_s: float = 0.0
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """status: the first one that came (0: none, the connection was closed). hung: nothing came for SILENCE_S."""

    name: str
    status: int
    took_s: float
    hung: bool


def request(method: str, path: str, *headers: str, body: bytes = b"", length: int | None = None) -> bytes:
    """Returns a request as it goes over the wire; length: the one that it tells (None: the true one)."""
    told = len(body) if length is None else length
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers, *([f"Content-Length: {told}"] if told else [])]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


POST = ("POST", "/v1/workflows")
JSON, FORM = "Content-Type: application/json", "Content-Type: multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
FILE = b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
PATHS = ("/", "/v1/workflows", "/v1/queue", "/livez", "/docs", "/metrics", "/v1/workflows/x/events", "/-/routes")


def _json(body: bytes) -> Pieces:
    return [request(*POST, JSON, body=body)]


def _chunked(*chunks: bytes) -> Pieces:
    return [request(*POST, FORM, "Transfer-Encoding: chunked"), *chunks]


KINDS: dict[str, Callable[[random.Random], Pieces]] = {
    "half a head": lambda rng: [request("GET", rng.choice(PATHS))[: rng.randint(1, 30)]],
    "a head without end": lambda rng: [
        b"GET /livez HTTP/1.1\r\n",
        *[b"X-A: " + b"a" * 8000 + b"\r\n"] * rng.randint(9, 40),
    ],
    "thousands of headers": lambda rng: [
        request("GET", "/livez", *[f"X-{n}: {n}" for n in range(rng.randint(500, 3000))])
    ],
    "noise": lambda rng: [rng.randbytes(rng.randint(1, 5000))],
    "another protocol": lambda rng: [
        rng.choice(
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc", b"SSH-2.0-x\r\n", b"\r\n" * 9)
        )
    ],
    "a wrong start line": lambda rng: [
        rng.choice(
            (
                b"GET /livez\r\n\r\n",
                b"GET  /livez HTTP/9.9\r\n\r\n",
                b"G\xc3T / HTTP/1.1\r\n\r\n",
                b" / HTTP/1.1\r\n\r\n",
            )
        )
    ],
    "a wrong path": lambda rng: [
        request(
            "GET",
            rng.choice(
                ("/%00", "/v1/workflows/%ff%fe", "//", "/..%2f..%2fetc", "http://[", "/\udcff", "/" + "a" * 9000)
            ),
        )
    ],
    "a wrong host": lambda rng: [
        f"GET /v1/queue HTTP/1.1\r\nHost: {rng.choice(('evil.example', '', '[', 'a' * 300))}\r\n\r\n".encode()
    ],
    "a foreign origin": lambda rng: [
        request(
            "GET",
            "/v1/queue",
            f"Origin: {rng.choice(('null', 'http://evil.example', 'http://localhost:1', 'http://['))}",
        )
    ],
    "methods": lambda rng: [
        request(rng.choice(("HEAD", "OPTIONS", "TRACE", "CONNECT", "PUT", "PATCH", "DELETE")), rng.choice(PATHS))
    ],
    "two lengths": lambda rng: [request(*POST, JSON, f"Content-Length: {rng.randint(1, 9)}", body=b"{}")],
    "a length and chunks": lambda _: [request(*POST, JSON, "Transfer-Encoding: chunked", body=b"0\r\n\r\n")],
    "a wrong length": lambda rng: [
        request(*POST, JSON, f"Content-Length: {rng.choice(('-1', 'x', '9' * 30, '0x10', '1e3'))}") + b"{}"
    ],
    "a body that stops": lambda rng: [
        request(*POST, rng.choice((JSON, FORM)), body=b"--x", length=rng.randint(4, 10**9))
    ],
    "a body that goes on": lambda rng: [request(*POST, JSON, body=b"{}") + b"x" * rng.randint(1, 100_000)],
    "wrong chunks": lambda rng: _chunked(
        rng.choice((b"zz\r\n", b"-1\r\n", b"f" * 17 + b"\r\n", b"2\r\nabcd\r\n", b"1;" + b"e" * 90_000))
    ),
    "many parts": lambda rng: _chunked(
        *[
            b"%x\r\n%s\r\n" % (len(part), part)
            for n in range(rng.randint(30, 400))
            for part in [PART % (b"f%d" % n, b"")]
        ]
    ),
    "a wrong form": lambda rng: [
        request(
            *POST,
            FORM,
            body=rng.choice((b"", b"--x--", b"--x\r\n\r\n\r\n--x--\r\n", FILE, PART % (b"video", b"v"), FILE * 3)),
        )
    ],
    "headers of parts": lambda rng: [
        request(*POST, FORM, body=b"--x\r\n" + b"A: " + b"a" * rng.randint(5000, 90_000) + b"\r\n\r\n\r\n--x--\r\n")
    ],
    "a boundary": lambda rng: [request(*POST, f"{FORM}{'x' * rng.randint(60, 900)}", body=b"--x--")],
    "deep JSON": lambda rng: _json(
        b'{"video_path":"/x","workflow_config":{"parameters":{"paddleocr.detect_subtitle_area":{"regions":'
        + b"[" * (depth := rng.randint(20, 950))
        + b"]" * depth
        + b"}}}}"
    ),
    "brackets": lambda rng: _json(b"[" * rng.randint(1000, 500_000)),
    "numbers": lambda rng: _json(
        b'{"video_path":"/x","workflow_config":{"parameters":{"paddleocr.postprocess_and_finalize":{"merge_gap_ms":'
        + rng.choice((b"1e308", b"-1e308", b"1e400", b"9" * 5000, b"NaN", b"-0", b"Infinity"))
        + b"}}}}"
    ),
    "strings": lambda rng: _json(
        b'{"video_path":' + rng.choice((b'"\\ud800"', b'"\\u0000"', b'"/\xff"', b'"' + b"a" * 900_000 + b'"')) + b"}"
    ),
    "a large JSON": lambda rng: _json(b'{"video_path":"' + b"a" * rng.randint(1_000_000, 3_000_000) + b'"}'),
    "headers of Serve": lambda rng: [
        request(
            "GET",
            "/v1/queue",
            rng.choice(
                (
                    "x-request-timeout-seconds: 0.001",
                    "x-request-id: \udcff",
                    "serve_multiplexed_model_id: \udcff",
                    "x-request-disconnect-disabled: 1",
                )
            ),
        )
    ],
    "an upgrade": lambda rng: [
        request(
            "GET",
            rng.choice(PATHS),
            "Connection: Upgrade",
            f"Upgrade: {rng.choice(('websocket', 'h2c'))}",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==",
        )
    ],
    "requests at once": lambda rng: [request("GET", "/livez") * rng.randint(2, 200)],
    "queries": lambda rng: [
        request(
            "GET",
            "/v1/workflows?"
            + rng.choice(
                (
                    "limit=-1",
                    "cursor=%00",
                    "state=" + "&state=".join(["PENDING"] * 500),
                    "&" * 5000,
                    "limit=" + "9" * 4000,
                )
            ),
        )
    ],
    "a key": lambda rng: [request(*POST, JSON, f"Idempotency-Key: {'k' * rng.randint(256, 9000)}", body=b"{}")],
    "an upload that is reset": lambda rng: [
        request(*POST, FORM, body=FILE, length=10**6),
        rng.randbytes(rng.randint(1, 90_000)),
    ],
    "pieces of a head": lambda rng: [bytes([byte]) for byte in request("GET", "/livez")[: rng.randint(10, 40)]],
    "expectations": lambda rng: [
        request(*POST, FORM, f"Expect: {rng.choice(('100-continue', '200-ok', ''))}", length=10**6)
    ],
}


def dialogues(count: int, seed: int) -> Iterator[Dialogue]:
    """Yields so many, of every kind in turn."""
    rng = random.Random(seed)
    for name in islice(cycle(KINDS), count):
        pieces = tuple(KINDS[name](rng))
        yield Dialogue(name, pieces, 0.05 if name == "pieces of a head" else 0.0, reset=name.endswith("reset"))


def speak(port: int, wanted: Iterator[Dialogue]) -> list[Heard]:
    """Has the dialogues with the service at a port, AT_ONCE of them at a time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda one: _speak(port, one), wanted))


def _speak(port: int, dialogue: Dialogue) -> Heard:
    began = time.monotonic()
    heard, hung = b"", False
    with socket.create_connection(("127.0.0.1", port), timeout=SILENCE_S) as client:
        try:
            for piece in dialogue.pieces:
                client.sendall(piece)
                time.sleep(dialogue.pause_s)
        except OSError:
            # Refused while it was still sending; the answer may be there all the same.
            pass
        if dialogue.reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return Heard(dialogue.name, 0, time.monotonic() - began, False)
        try:
            while b"\r\n" not in heard and (got := client.recv(4096)):
                heard += got
        except TimeoutError:
            hung = True
        except OSError:
            pass
    words = heard.split(maxsplit=2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    return Heard(dialogue.name, status, time.monotonic() - began, hung)
