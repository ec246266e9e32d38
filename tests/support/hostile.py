"""Inputs that try to make the service read a file outside its roots, or call somebody inside the network, and what
notices if one succeeds: a canary that tells when it is opened, and a listener that tells when it is called."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PLAYLISTS", "Traps", "callbacks", "hostile_paths", "traps"]

IN_ACCESS, IN_OPEN = 0x1, 0x20
IN_NONBLOCK = 0x800


@dataclass(frozen=True, slots=True)
class Traps:
    """canary: a file that nobody may open. port: nobody may call it at loopback. root: where videos may be."""

    root: Path
    canary: Path
    port: int
    _listener: socket.socket
    _inotify: int

    @property
    def sprung(self) -> list[str]:
        """What has happened that must not."""
        found = []
        if select.select([self._inotify], [], [], 0.1)[0]:
            found.append(f"the canary was opened: {os.read(self._inotify, 4096)!r}")
        with contextlib.suppress(BlockingIOError):
            self._listener.accept()[0].close()
            found.append("the listener was called")
        return found


@contextmanager
def traps(directory: Path) -> Iterator[Traps]:
    """Sets the traps beside a root. They work, or this fails."""
    root, canary = directory / "videos", directory / "canary.mp4"
    root.mkdir(exist_ok=True)
    canary.write_bytes(b"secret of others")
    libc = ctypes.CDLL(None, use_errno=True)
    inotify = libc.inotify_init1(IN_NONBLOCK)
    assert inotify >= 0
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        found = Traps(root, canary, listener.getsockname()[1], listener, inotify)
        try:
            assert libc.inotify_add_watch(inotify, os.fsencode(canary), IN_ACCESS | IN_OPEN) >= 0
            canary.read_bytes()
            socket.create_connection(("127.0.0.1", found.port), 5).close()
            assert len(found.sprung) == 2
            yield found
            assert canary.read_bytes() == b"secret of others"
        finally:
            os.close(inotify)


def hostile_paths(set_up: Traps) -> dict[str, str]:
    """Returns video_paths, each with the code that refuses it. Makes the links that some of them need."""
    (set_up.root / "link.mp4").symlink_to(set_up.canary)
    (set_up.root / "up").symlink_to(set_up.canary.parent, target_is_directory=True)
    (set_up.root / "chain.mp4").symlink_to("link.mp4")
    outside, scheme = "PATH_OUTSIDE_ROOT", "INPUT_SCHEME_FORBIDDEN"
    return {
        str(set_up.canary): outside,
        f"{set_up.root}/../canary.mp4": outside,
        f"{set_up.root}/./x/../../canary.mp4": outside,
        f"/proc/self/root{set_up.canary}": outside,
        f"/dev/fd/../../..{set_up.canary}": outside,
        f"{set_up.root}/link.mp4": outside,
        f"{set_up.root}/chain.mp4": outside,
        f"{set_up.root}/up/canary.mp4": outside,
        f"{set_up.root}\0/../canary.mp4": "INPUT_NOT_FOUND",
        f"file:{set_up.canary}": scheme,
        f"file://{set_up.canary}": scheme,
        f"FILE:{set_up.canary}": scheme,
        f"http://127.0.0.1:{set_up.port}/film.mp4": scheme,
        f"rtsp://127.0.0.1:{set_up.port}/film": scheme,
        f"tcp:127.0.0.1:{set_up.port}": scheme,
        f"concat:{set_up.canary}|{set_up.canary}": scheme,
        f"crypto:{set_up.canary}": scheme,
        "data:video/mp4;base64,AAAAIGZ0eXBpc29t": scheme,
        f"subfile,,start,0,end,9,,:{set_up.canary}": outside,
    }


PLAYLISTS = {
    "hls-file": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{canary}\n#EXT-X-ENDLIST\n",
    "hls-path": "#EXTM3U\n#EXTINF:9,\n{canary}\n",
    "hls-http": "#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
    "hls-key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="http://127.0.0.1:{port}/k"\n#EXTINF:9,\n{canary}\n',
    "hls-bom": "\ufeff\n \t#EXTM3U\n#EXTINF:9,\nfile:{canary}\n",
    "concat": "ffconcat version 1.0\nfile {canary}\n",
    "concat-http": "ffconcat version 1.0\nfile http://127.0.0.1:{port}/a.mp4\n",
    "dash": '<?xml version="1.0"?><MPD><BaseURL>http://127.0.0.1:{port}/</BaseURL><Period/></MPD>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\n",
    "pls": "[playlist]\nFile1=http://127.0.0.1:{port}/a\nNumberOfEntries=1\n",
    "asx": '<asx version="3.0"><entry><ref href="http://127.0.0.1:{port}/a"/></entry></asx>',
    "quicktime": "RTSPtext\nrtsp://127.0.0.1:{port}/a\n",
}
"""Files that make a decoder open others, by name; {canary} and {port} stand for the traps'."""


def callbacks(set_up: Traps) -> list[str]:
    """Returns callback URLs that lead to the traps."""
    port = set_up.port
    return [
        f"http://127.0.0.1:{port}/",
        f"http://localhost:{port}/",
        f"http://127.1:{port}/",
        f"http://2130706433:{port}/",
        f"http://0x7f.0.0.1:{port}/",
        f"http://0:{port}/",
        f"http://[::1]:{port}/",
        f"http://[::ffff:127.0.0.1]:{port}/",
        f"http://user:pass@127.0.0.1:{port}/",
        f"file://{set_up.canary}",
        "data:text/plain,x",
        f"gopher://127.0.0.1:{port}/_x",
    ]
