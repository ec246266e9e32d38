"""Result documents read back."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cues import cue, video
from tests.unit.subtitles.test_result import OUTCOME
from yivideo_ray.errors import InputError, ResultWarning, WarningCode
from yivideo_ray.jobs import StageRecord, StageStatus, TrackOutput
from yivideo_ray.subtitles.formats import WRITERS
from yivideo_ray.subtitles.result import SCHEMA_VERSION, result_document
from yivideo_ray.subtitles.result_reading import parse_result, parsed_result, read_result
from yivideo_ray.types import ReviewReason, Stage

LINES = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), min_size=1, max_size=3)
TIMES = st.lists(st.integers(0, 10**6), min_size=2, max_size=2, unique=True).map(sorted)


def document(outcome: object = OUTCOME) -> bytes:
    return json.dumps(result_document(outcome, {}), ensure_ascii=False).encode()  # type: ignore[arg-type]


def test_what_a_document_says_is_what_the_workflow_found() -> None:
    result = parse_result(document())
    assert OUTCOME.info is not None
    assert result.info == replace(OUTCOME.info, mtime_ns=0)
    assert (result.layers, result.cues, result.area) == (OUTCOME.layers, OUTCOME.cues, OUTCOME.area)
    assert not result.finalized
    assert result.sampled == ()


@given(st.lists(st.tuples(TIMES, LINES), max_size=5))
def test_every_format_made_from_a_document_is_the_one_made_from_the_cues(
    shown: list[tuple[list[int], list[str]]],
) -> None:
    cues = tuple(replace(cue(start, end, *lines), needs_review=(ReviewReason.BRIEF,)) for (start, end), lines in shown)
    info = video(Fraction(1, 12800), 512, Fraction(1, 70))
    result = parse_result(document(replace(OUTCOME, info=info, cues=cues)))
    for write in WRITERS.values():
        assert write(result.cues, result.info) == write(cues, info)


def test_a_document_of_an_earlier_version_counts_from_the_first_frame() -> None:
    assert OUTCOME.info is not None
    late = replace(OUTCOME, info=replace(OUTCOME.info, origin_s=Fraction(0)))
    earlier = json.loads(document(late))
    assert earlier["video"].pop("origin_s") == "0"
    info = parse_result(json.dumps(earlier).encode()).info
    assert info.seconds(info.first_pts) == 0


def as_version_1() -> dict[str, Any]:
    """Returns a document as the first version wrote it: without layers, with sentences as warnings."""
    assert OUTCOME.info is not None
    several = ResultWarning(WarningCode.SEVERAL_STREAMS, "The file holds 2 video streams.")
    earlier: dict[str, Any] = json.loads(document(replace(OUTCOME, info=replace(OUTCOME.info, warnings=(several,)))))
    del earlier["layers"], earlier["unreadable"]
    for found in earlier["cues"]:
        del found["layer"]
    for told in (earlier, earlier["video"]):
        told["warnings"] = [warning["message"] for warning in told["warnings"]]
    earlier["subtitle_area"]["rejected"].append({"box": [0, 0, 9, 9], "reason": "no_more", "samples_with_text": 1})
    return earlier | {"schema_version": 1}


def test_a_document_of_the_first_version_is_read_its_sentences_as_warnings_of_no_code() -> None:
    data = json.dumps(as_version_1()).encode()
    found = parsed_result(data)
    assert found.schema_version == SCHEMA_VERSION
    assert found.warnings == ({"code": "OTHER", "message": "The models run on the CPU."},)
    values = parse_result(data)
    assert values.info.warnings == (ResultWarning("OTHER", "The file holds 2 video streams."),)
    assert values.layers == ()
    assert values.cues == tuple(replace(cue, layer=None) for cue in OUTCOME.cues)
    # What was rejected for a reason that is none any more is left out.
    assert values.area == OUTCOME.area


def test_layers_come_back_with_their_reasons_and_their_cues() -> None:
    assert OUTCOME.layers
    assert parse_result(document()).layers == OUTCOME.layers


def test_stages_tell_whether_there_could_be_cues_and_which_frames_were_looked_at() -> None:
    stages = (
        StageRecord(Stage.EXTRACT_KEYFRAMES, StageStatus.SUCCESS, output={"pts": [3, 5]}),
        StageRecord(Stage.POSTPROCESS_AND_FINALIZE, StageStatus.SUCCESS),
    )
    result = parse_result(document(replace(OUTCOME, stages=stages)))
    assert result.finalized
    assert result.sampled == (3, 5)


def test_tracks_are_in_the_languages_that_the_document_names_else_in_those_given() -> None:
    bilingual = replace(OUTCOME, cues=(cue(0, 10, "你好", "Hola"), cue(20, 30, "再见", "Adiós")))
    given_languages = {"han": "zh", "kana": "ja", "latin": "en"}
    split = replace(bilingual, tracks=(TrackOutput("es", ("latin",), 2, ()),))
    for outcome, second in ((bilingual, "en"), (split, "es")):
        tracks = parse_result(document(outcome)).tracks(given_languages, 0.09)
        assert [track.language for track in tracks] == ["zh", second]
        assert [item.lines for item in tracks[1].cues] == [("Hola",), ("Adiós",)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"schema_version": 99}',
        document().replace(b'"cues"', b'"queues"'),
        document().replace(b'"box"', b'"bax"'),
        document().replace(b'"code"', b'"cade"'),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        parse_result(data)
    assert caught.value.code.name == "INPUT_UNRECOGNIZED"


def test_a_document_that_is_not_there_is_told_from_one_that_may_not_be_read(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "none.json", "INPUT_NOT_FOUND"), (tmp_path, "INPUT_UNREADABLE")):
        with pytest.raises(InputError) as caught:
            read_result(path)
        assert caught.value.code.name == code
