"""Videos with burned-in subtitles in, subtitle files out.

Importing this package loads neither ray nor paddle; the parts that need them import them when they are used. It
switches off the telemetry of all that is loaded later.
"""

from importlib.metadata import PackageNotFoundError, version

from yivideo_ray.privacy import switch_telemetry_off

switch_telemetry_off()

try:
    __version__ = version("yivideo-ray")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0.0.0"

__all__ = ["__version__"]
