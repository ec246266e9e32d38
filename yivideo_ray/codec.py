"""The one JSON codec: values of ours as JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

from yivideo_ray.geometry import Box

__all__ = ["plain", "text"]


def text(value: str) -> str:
    """Returns the value with what UTF-8 can't hold (bytes of foreign file names) replaced by question marks."""
    return value.encode("utf-8", "replace").decode("utf-8")


def plain(value: Any) -> Any:
    """Returns a value of stage parameters or facts as JSON can hold it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str | Path | Fraction):
        return text(str(value))
    if isinstance(value, Box):
        return [value.x0, value.y0, value.x1, value.y1]
    if isinstance(value, Mapping):
        return {text(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    raise TypeError(f"a result can't hold {type(value).__name__}: {value!r}")
