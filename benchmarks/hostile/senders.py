"""Clients that send as slowly as they may, by the hundred, and normal ones beside them."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Beside", "siege"]

NORMAL_CLIENTS = 4
PAUSE_S = 0.5
DRIP_S = 1.0
ANSWER_S = 30.0


@dataclass(slots=True)
class Beside:
    """What normal clients met: the times of their posts in seconds, and the statuses of these and of /livez. slow: how
    slow senders' connections ended."""

    times: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    livez: Counter[int] = field(default_factory=Counter)
    livez_s: list[float] = field(default_factory=list)
    slow: Counter[str] = field(default_factory=Counter)


async def siege(port: int, video: Path, *, senders: int, seconds: float, seed: int) -> Beside:
    """Has so many slow senders open at the same time for so long. Each connects again when it was closed."""
    found, until = Beside(), time.monotonic() + seconds
    rng = random.Random(seed)
    slow = [asyncio.ensure_future(_slow(port, until, random.Random(rng.random()), found)) for _ in range(senders)]
    # They are all there before anything is measured.
    await asyncio.sleep(min(5.0, seconds / 4))
    normal = [asyncio.ensure_future(_normal(port, video, until, found)) for _ in range(NORMAL_CLIENTS)]
    await asyncio.gather(*normal, _alive(port, until, found))
    for sender in slow:
        sender.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    return found


def _head(kind: str, length: int) -> bytes:
    media_type = "application/json" if kind == "json" else "multipart/form-data; boundary=x"
    lines = f"POST /v1/workflows HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\nContent-Length: {length}"
    return f"{lines}\r\n\r\n".encode()


FORM = b'--x\r\nContent-Disposition: form-data; name="video"; filename="slow.mp4"\r\n\r\n'
BEGINNINGS = {
    "head": b"POST /v1/workflows HTTP/1.1\r\nHost: localhost\r\n",
    "json": _head("json", 500),
    "form": _head("form", 100_000) + FORM[:3],
    # So much that the service takes the request up.
    "upload": _head("upload", 10_000_000) + FORM + b"x" * 40_000,
}


async def _slow(port: int, until: float, rng: random.Random, found: Beside) -> None:
    await asyncio.sleep(rng.uniform(0, 2))
    while time.monotonic() < until:
        kind = rng.choice(list(BEGINNINGS))
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError as error:
            found.slow[f"not connected: {type(error).__name__}"] += 1
            await asyncio.sleep(DRIP_S)
            continue
        try:
            writer.write(BEGINNINGS[kind])
            answer = asyncio.ensure_future(reader.read(64))
            while not answer.done():
                await asyncio.wait([answer], timeout=DRIP_S)
                if not answer.done():
                    writer.write(b"x")
            words = answer.result().split()
            found.slow[words[1].decode("latin-1") if len(words) > 1 else "closed"] += 1
        except OSError:
            found.slow["reset"] += 1
        finally:
            writer.close()
        await asyncio.sleep(rng.uniform(0, DRIP_S))


async def _normal(port: int, video: Path, until: float, found: Beside) -> None:
    body = json.dumps({"video_path": str(video), "workflow_config": {"workflow_chain": ["ffmpeg.extract_keyframes"]}})
    while time.monotonic() < until:
        status, took_s = await _asked(port, _head("json", len(body)) + body.encode())
        found.statuses[status] += 1
        found.times.append(took_s)
        await asyncio.sleep(PAUSE_S)


async def _alive(port: int, until: float, found: Beside) -> None:
    while time.monotonic() < until:
        status, took_s = await _asked(port, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        found.livez[status] += 1
        found.livez_s.append(took_s)
        await asyncio.sleep(PAUSE_S)


async def _asked(port: int, sent: bytes) -> tuple[int, float]:
    """Returns the status (0: none came) and the seconds until its head was there, connecting among them."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(sent)
                words = (await reader.readline()).split()
            finally:
                writer.close()
        return int(words[1]) if len(words) > 1 else 0, time.monotonic() - began
    except (OSError, TimeoutError):
        return 0, time.monotonic() - began
