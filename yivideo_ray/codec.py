"""The one JSON codec: dataclasses of ours as JSON, and back, by pydantic's TypeAdapter.

What stages say of themselves (settings, counts, paths) is of any type; `plain` makes of it what JSON can hold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from yivideo_ray.geometry import Box

__all__ = ["as_plain", "json_schema", "parsed", "plain", "text"]

Value = TypeVar("Value")


def as_plain(value: Any) -> Any:
    """Returns a dataclass of ours as plain values for json.dumps, its fields in their order. All of its text must be
    such that UTF-8 can hold it (`text`)."""
    return _adapter(type(value)).dump_python(value, mode="json")


def parsed(kind: type[Value], data: bytes | str) -> Value:
    """Returns the value of a kind that JSON holds. Errors: ValueError, which says where it is none."""
    # json keeps lone surrogates, as names of files may hold them; pydantic's own parser refuses them.
    found: Value = _adapter(kind).validate_python(json.loads(data))
    return found


def json_schema(kind: type[Any]) -> dict[str, Any]:
    """Returns the JSON schema (draft 2020-12) of a kind."""
    schema: dict[str, Any] = _adapter(kind).json_schema(mode="serialization")
    return schema


# Any: type checkers take types for values that can't be hashed.
_adapter: Any = cache(TypeAdapter)


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
        return list(value.corners)
    if isinstance(value, Mapping):
        return {text(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    raise TypeError(f"a result can't hold {type(value).__name__}: {value!r}")
