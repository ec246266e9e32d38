"""`yivideo serve`: the service, until it is stopped."""

from __future__ import annotations

import argparse
import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING

from yivideo_ray.cli.arguments import load, report, take_stdout

if TYPE_CHECKING:
    from yivideo_ray.cli.arguments import Commands
    from yivideo_ray.config import Settings
    from yivideo_ray.http.deployment import Opener

__all__ = ["add", "serve_until_stopped"]

NOTES = """\
Without keys it listens on this machine only, and refuses any other address. Keys, better from the environment:

  YIVIDEO_SERVE__KEYS='["a long random word"]' yivideo serve --host 0.0.0.0

Videos are read by their path under the directories that storage.allowed_roots names, and uploads are taken:

  YIVIDEO_STORAGE__ALLOWED_ROOTS='["/videos"]' yivideo serve

SIGTERM and Ctrl-C end it: requests in flight are answered, and the next start goes on with every workflow. RAY_ADDRESS
names a Ray cluster to join; without it a local Ray is started. The address, once it answers, is on standard output.
"""


def add(commands: Commands) -> None:
    """Adds the subcommand."""
    serve = commands.add_parser(
        "serve",
        help="the service: workflows over HTTP",
        description="Serves workflows over HTTP, at 127.0.0.1:8788 unless the settings say otherwise.",
        epilog=NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    serve.add_argument("--host", help="the address to listen at (else the settings')")
    serve.add_argument("--port", type=int, help="the port (else the settings')")
    serve.add_argument("--config", type=Path, metavar="FILE", help="settings in YAML")
    serve.set_defaults(command=_serve)


def _serve(options: argparse.Namespace) -> int:
    machine = take_stdout()
    settings = load(options.config)
    from yivideo_ray.config import with_address

    serve_until_stopped(with_address(settings, options.host, options.port), machine)
    return 0


def serve_until_stopped(settings: Settings, machine: IO[str], opener: Opener | None = None) -> None:
    """Writes the service's address to machine once it answers, and returns when a signal has stopped it. A second
    signal doesn't wait for requests in flight. opener, and errors: see http.deployment.serving."""
    from yivideo_ray.http.deployment import serving
    from yivideo_ray.service.logs import follow, log_file, size_of

    # All that the service writes is its own, also what Ray's processes write, which inherit this.
    os.umask(0o077)
    stop = threading.Event()

    def asked_to_stop(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    # What the service logs in its own process, which has no terminal.
    ended, log = threading.Event(), log_file(settings.storage.work_dir)
    following = threading.Thread(target=follow, args=(log, size_of(log), report, ended.is_set), name="log", daemon=True)
    following.start()
    with serving(settings, report, opener) as url:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, asked_to_stop)
        machine.write(f"{url}\n")
        machine.flush()
        report(f"Serving at {url}; {url}/docs shows every call. Ctrl-C stops it.")
        stop.wait()
    ended.set()
    following.join()
    report("Stopped.")
