"""Videos with burned-in subtitles in, subtitle files out.

    from yivideo_ray import extract

    for cue in extract("film.mp4").cues:
        print(cue.start_s, cue.text)

`extract` works on one video in this process. `Session` works on many at a time, on a Ray of its own or on a cluster.
`Client` asks a service that runs elsewhere. Their errors are YivideoError, each with a stable code and a remedy.

Importing this package loads none of what takes long: that is imported when it is first used. It switches off the
telemetry of all that is loaded later.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from yivideo_ray.privacy import switch_telemetry_off

switch_telemetry_off()

if TYPE_CHECKING:
    from yivideo_ray.config import Settings, load_settings
    from yivideo_ray.errors import YivideoError
    from yivideo_ray.extraction import extract
    from yivideo_ray.http.client import Client
    from yivideo_ray.jobs import Event
    from yivideo_ray.runtime.session import Session
    from yivideo_ray.subtitles.result import Cue, Result

try:
    __version__ = version("yivideo-ray")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0.0.0"

__all__ = [
    "Client",
    "Cue",
    "Event",
    "Result",
    "Session",
    "Settings",
    "YivideoError",
    "__version__",
    "extract",
    "load_settings",
]

_ROOMS = {
    "Client": "http.client",
    "Cue": "subtitles.result",
    "Event": "jobs",
    "Result": "subtitles.result",
    "Session": "runtime.session",
    "Settings": "config",
    "YivideoError": "errors",
    "extract": "extraction",
    "load_settings": "config",
}
"""Where each name of the face is at home."""


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
