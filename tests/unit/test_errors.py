"""Errors: stable codes, one sentence and a remedy each, and nothing lost on the way between processes."""

from __future__ import annotations

import pickle
import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from yivideo_ray import errors
from yivideo_ray.config import Settings
from yivideo_ray.errors import CODES, CallError, InputError, ResultWarning, WarningCode, YivideoError, warning_of
from yivideo_ray.progress import plain_warning

KINDS = [
    kind
    for name in errors.__all__
    if isinstance(kind := getattr(errors, name), type) and issubclass(kind, YivideoError)
]
PACKAGE = Path(errors.__file__).parent


def raise_one() -> None:
    raise CallError("The call took 7 s.", code="CALL_TIMED_OUT", remedy="Wait.", seconds=7.5, key=("a", 1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("code", CODES)
def test_every_error_survives_pickling_with_every_code(kind: type[YivideoError], code: str) -> None:
    error = kind("One plain sentence.", code=code, remedy="Do this.", bytes=3, names=["a"])
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert copy.as_dict() == error.as_dict()
    assert str(copy) == str(error) == f"{code}: One plain sentence. Do this."


def test_an_error_raised_in_another_process_arrives_whole() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool, pytest.raises(CallError) as caught:
        pool.submit(raise_one).result(timeout=60)
    assert caught.value.as_dict() == {
        "code": "CALL_TIMED_OUT",
        "message": "The call took 7 s.",
        "remedy": "Wait.",
        "retryable": True,
        "facts": {"seconds": 7.5, "key": ("a", 1)},
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_code_of_its_own_to_start_from(kind: type[YivideoError]) -> None:
    error = kind("A sentence.")
    assert error.code is CODES[kind.default_code]
    assert error.remedy == error.code.remedy
    assert "facts" not in error.as_dict()


def test_a_code_that_does_not_exist_is_a_mistake_at_once() -> None:
    with pytest.raises(KeyError):
        InputError("A sentence.", code="INPUT_ODD")


@pytest.mark.parametrize("code", CODES.values(), ids=lambda code: code.name)
def test_every_code_is_complete(code: errors.Code) -> None:
    assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", code.name)
    assert 400 <= code.http_status < 600
    assert code.remedy.endswith((".", "?"))
    # 4xx blames the request; of those only "too slow", "later" and "conflict" may succeed unchanged.
    assert not code.retryable or code.http_status in (408, 409, 429) or code.http_status >= 500


@pytest.mark.parametrize("code", CODES.values(), ids=lambda code: code.name)
def test_a_remedy_names_settings_that_exist(code: errors.Code) -> None:
    known = {f"{section}.{key}" for section, keys in Settings().model_dump().items() for key in keys}
    sections = "|".join(Settings.model_fields)
    named = set(re.findall(rf"\b(?:{sections})\.\w+", code.remedy))
    assert named - known == set()


def test_every_code_that_the_package_names_exists() -> None:
    named = {
        code
        for file in PACKAGE.rglob("*.py")
        for code in re.findall(r'\bcode="([A-Z_]+)"', file.read_text(encoding="utf-8"))
    }
    assert named
    assert named - set(CODES) == set()


def test_a_warning_is_told_by_code_and_facts_and_one_of_an_earlier_version_by_its_sentence() -> None:
    warning = ResultWarning(WarningCode.LAYER_IN_DOUBT, "A sentence.", {"layer": 2, "box": (1, 2, 3, 4)})
    told = plain_warning(warning)
    assert told == {"code": "LAYER_IN_DOUBT", "message": "A sentence.", "layer": 2, "box": [1, 2, 3, 4]}
    assert warning_of(told) == ResultWarning("LAYER_IN_DOUBT", "A sentence.", {"layer": 2, "box": [1, 2, 3, 4]})
    assert warning_of("A sentence.") == ResultWarning("OTHER", "A sentence.")
    newer = {"code": "A_CODE_TO_COME", "message": "Who knows."}
    assert plain_warning(warning_of(newer)) == newer
    assert pickle.loads(pickle.dumps(warning)) == warning


@pytest.mark.parametrize("told", [{}, {"code": "OTHER"}, {"message": "A sentence."}, 3, None, ["A sentence."]])
def test_what_is_no_warning_is_no_warning(told: Any) -> None:
    with pytest.raises(ValueError, match="code and a message"):
        warning_of(told)


def test_every_code_of_a_warning_is_its_own_name() -> None:
    assert [code.value for code in WarningCode] == [code.name for code in WarningCode]
    assert not set(WarningCode) & set(CODES)
