"""What `from yivideo_ray import ...` gives: lazy, typed, and kind to bad input."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import yivideo_ray
from tests.support.text_pictures import pattern_video
from yivideo_ray import Event, Settings, YivideoError, extract
from yivideo_ray.codec import as_plain, parsed
from yivideo_ray.ocr.testing.scripted import Script, ScriptedEngine
from yivideo_ray.subtitles.result import Result, result_schema
from yivideo_ray.types import Luma, Reading, TextBox

TEXTS = ("red fox", "lion", "grey cat")


class Models:
    """Reads patterns, and nothing else: no load, no close."""

    def __init__(self) -> None:
        self._engine = ScriptedEngine(Script())
        self._engine.load()

    def detect(self, images: Sequence[Luma]) -> list[tuple[TextBox, ...]]:
        return self._engine.detect(images)

    def recognize(self, lines: Sequence[Luma]) -> list[Reading]:
        return self._engine.recognize(lines)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pattern_video(tmp_path_factory.mktemp("face") / "film.mp4", TEXTS)


def test_every_name_of_the_face_is_there_and_is_imported_when_it_is_asked_for() -> None:
    code = (
        "import sys, yivideo_ray as y\n"
        "assert not {'pydantic', 'numpy', 'av', 'ray'} & set(sys.modules), 'imported too early'\n"
        "for name in y.__all__: getattr(y, name)\n"
        "assert set(y.__all__) <= set(dir(y))\n"
        "assert 'ray' not in sys.modules and 'onnxruntime' not in sys.modules, 'imported too early'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'extrakt'"):
        yivideo_ray.extrakt  # noqa: B018


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(yivideo_ray.__file__).parent / "py.typed").exists()


def test_a_video_is_read_in_this_process_and_nothing_is_written(video: Path) -> None:
    events: list[Event] = []
    result = extract(str(video), settings=Settings(), models=Models(), on_progress=events.append)
    assert [cue.text for cue in result.cues] == list(TEXTS)
    assert all(cue.start_s < cue.end_s for cue in result.cues)
    assert (result.status, result.error, result.partial) == ("SUCCESS", None, False)
    assert result.as_text("srt").count("-->") == len(TEXTS)
    assert [stage.stage.value for stage in result.stages] == list(map(str, yivideo_ray.types.STAGES))
    assert events[0].kind == "workflow_started"
    assert any(event.total_s and event.done_s for event in events)
    assert [path.name for path in video.parent.iterdir()] == [video.name]


def test_a_result_is_its_json_and_its_schema_holds_it(video: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    result = extract(video, settings=Settings(), models=Models())
    document = as_plain(result)
    jsonschema.validate(document, result_schema())
    import json

    assert parsed(Result, json.dumps(document)) == result


def test_text_that_is_not_taken_is_told_at_the_end_and_in_the_result(video: Path) -> None:
    events: list[Event] = []
    unsure = Settings.model_validate({"postprocessor": {"min_duration_ms": 5000}})
    result = extract(video, settings=unsure, models=Models(), on_progress=events.append)
    assert (result.cues, result.status) == ((), "SUCCESS")
    (warning,) = [warning for warning in result.warnings if warning["code"] == "NONE_CHOSEN"]
    assert warning["seen"] == len(result.layers) > 0
    assert events[-1].message == warning["message"]
    assert warning["code"] in [event.data.get("code") for event in events if event.kind.value == "warning"]


def test_layers_are_chosen_by_their_numbers_and_one_that_is_not_there_is_an_error(video: Path) -> None:
    def taken(layers: object) -> list[bool]:
        settings = Settings.model_validate({"postprocessor": {"layers": layers}})
        return [layer.taken for layer in extract(video, settings=settings, models=Models()).layers]

    assert taken([1])[0]
    assert all(taken("all"))
    with pytest.raises(YivideoError) as caught:
        taken([99])
    assert caught.value.code.name == "LAYER_UNKNOWN"


@pytest.mark.parametrize(
    ("name", "code"),
    [("none.mp4", "INPUT_NOT_FOUND"), ("text.mp4", "INPUT_UNRECOGNIZED"), ("", "INPUT_NOT_REGULAR_FILE")],
)
def test_what_is_no_video_is_an_error_with_a_code_and_a_remedy(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(YivideoError) as caught:
        extract(tmp_path / name, settings=Settings(), models=Models())
    assert caught.value.code.name == code
    assert caught.value.remedy


def test_another_format_than_ours_is_refused_with_those_that_there_are(video: Path) -> None:
    with pytest.raises(YivideoError, match=r"'doc' is no format .* srt, vtt, ass, txt") as caught:
        extract(video, settings=Settings(), models=Models()).as_text("doc")
    assert caught.value.code.name == "CONFIG_INVALID"
