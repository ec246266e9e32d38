"""The JSON result."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from tests.support.cues import cue, video
from yivideo_ray.errors import ConfigError, ResultWarning, WarningCode
from yivideo_ray.geometry import Box
from yivideo_ray.jobs import Outcome, StageRecord, StageStatus, TrackOutput
from yivideo_ray.stages.postprocess_and_finalize.review import MEANINGS
from yivideo_ray.subtitles.result import result_document, result_of, result_schema
from yivideo_ray.types import (
    Band,
    BandEvidence,
    EngineFacts,
    Layer,
    LayerReason,
    RejectedRegion,
    RejectionReason,
    ReviewReason,
    Stage,
    SubtitleArea,
    UnreadableText,
    cues_of,
)

WHY = (LayerReason("moves", 1.25, "stands still"), LayerReason("repeats", -0.5, "the same text comes again and again"))
LAYERS = (
    Layer(1, 0.97, True, WHY, Box(400, 600, 880, 660), 41.5, (cue(512 + 6400, 512 + 12800, "你好", "Hello"),)),
    Layer(
        2,
        0.12,
        False,
        WHY[1:],
        Box(0, 0, 300, 60),
        30.0,
        (cue(512, 512 + 25600, "БЕРЕГ", top=True),),
        (UnreadableText("Cyrillic", Box(0, 0, 300, 30), 512, 512 + 25600),),
    ),
)
OUTCOME = Outcome(
    workflow_id="w-1",
    video=Path("/videos/a.mp4"),
    stages=(
        StageRecord(
            Stage.EXTRACT_KEYFRAMES,
            StageStatus.SUCCESS,
            {"samples": 24, "exclude": (Box(1, 2, 3, 4),), "work_dir": Path("/tmp/w")},
            {"frame_rate": Fraction(30000, 1001), "stage": Stage.EXTRACT_KEYFRAMES},
            duration=1.25,
        ),
    ),
    info=video(Fraction(1, 12800), first_pts=512),
    area=SubtitleArea(
        (Band("bottom", Box(0, 560, 1280, 700), 41.5, BandEvidence(24, 18, 12, 0.91, "changes in place")),),
        (RejectedRegion(Box(1100, 20, 1260, 60), RejectionReason.ALWAYS_THERE, 24),),
    ),
    layers=LAYERS,
    cues=cues_of(LAYERS),
    engine=EngineFacts("onnxruntime", "cpu", "CPUExecutionProvider", "det", "rec", (("onnxruntime", "1.2.3"),)),
    outputs=(Path("/videos/a.srt"),),
    warnings=(ResultWarning(WarningCode.MODELS_ON_CPU, "The models run on the CPU.", {"provider": "CPU"}),),
    decoded_s=60.0,
    expected_s=60.0,
)


def test_a_cue_says_when_where_and_on_what_it_rests() -> None:
    document = json.loads(json.dumps(result_document(OUTCOME)))
    assert document["cues"] == [
        {
            "number": 1,
            "start_s": 0.5,
            "end_s": 1.0,
            "start_pts": 6912,
            "end_pts": 13312,
            "time_base": "1/12800",
            "text": "你好\nHello",
            "lines": ["你好", "Hello"],
            "confidence": 0.98,
            "box": [400, 600, 880, 660],
            "band": "bottom",
            "layer": 1,
            "frames": 20,
            "crops": 1,
            "needs_review": [],
        }
    ]


def test_every_layer_says_why_it_was_or_was_not_taken_and_numbers_its_own_cues() -> None:
    document = json.loads(json.dumps(result_document(OUTCOME)))
    for layer, found in zip(LAYERS, document["layers"], strict=True):
        assert (found["number"], found["probability"], found["taken"]) == (
            layer.number,
            layer.probability,
            layer.taken,
        )
        assert found["box"] == list(layer.box.corners)
        assert [(reason["feature"], reason["weight"], reason["words"]) for reason in found["reasons"]] == [
            (reason.feature, reason.weight, reason.words) for reason in layer.reasons
        ]
        assert [(cue["number"], cue["text"]) for cue in found["cues"]] == [
            (number, cue.text) for number, cue in enumerate(layer.cues, 1)
        ]


def test_times_count_from_where_the_file_begins_and_the_document_says_where_that_is() -> None:
    assert OUTCOME.info is not None
    late = replace(OUTCOME.info, origin_s=Fraction(-3, 2))
    document = json.loads(json.dumps(result_document(replace(OUTCOME, info=late))))
    assert (document["video"]["start_pts"], document["video"]["origin_s"]) == (512, "-3/2")
    assert (document["cues"][0]["start_s"], document["cues"][0]["start_pts"]) == (2.04, 6912)
    assert result_document(OUTCOME)["video"]["origin_s"] == "1/25"


def test_all_layers_are_told_with_their_reasons_and_cues_and_what_could_not_be_read() -> None:
    document = json.loads(json.dumps(result_document(OUTCOME)))
    dialogue, sign = document["layers"]
    assert dialogue["cues"] == document["cues"]
    assert (dialogue["number"], dialogue["probability"], dialogue["taken"]) == (1, 0.97, True)
    assert dialogue["reasons"][0] == {"feature": "moves", "weight": 1.25, "words": "stands still"}
    assert (sign["taken"], sign["box"], sign["line_height_px"]) == (False, [0, 0, 300, 60], 30.0)
    assert [(cue["number"], cue["layer"], cue["text"]) for cue in sign["cues"]] == [(1, 2, "БЕРЕГ")]
    assert document["unreadable"] == [
        {"script": "Cyrillic", "box": [0, 0, 300, 30], "start_s": 0.0, "end_s": 2.0, "layer": 2}
    ]


def test_a_warning_has_a_code_and_its_facts_beside_it_and_the_schema_says_so() -> None:
    document = json.loads(json.dumps(result_document(OUTCOME)))
    assert document["schema_version"] == 2
    told = {"code": "MODELS_ON_CPU", "message": "The models run on the CPU.", "provider": "CPU"}
    assert document["warnings"] == [told]
    schema = result_schema()["properties"]["warnings"]["items"]
    assert (schema["required"], schema["additionalProperties"]) == (["code", "message"], True)


def test_reasons_to_review_a_cue_are_named_and_explained() -> None:
    flagged = replace(OUTCOME.cues[0], needs_review=(ReviewReason.UNSURE_LINE, ReviewReason.BRIEF))
    document = json.loads(json.dumps(result_document(replace(OUTCOME, cues=(flagged, *OUTCOME.cues)))))
    assert [cue["needs_review"] for cue in document["cues"]] == [["unsure_line", "brief"], []]
    assert list(document["review_reasons"]) == ["unsure_line", "brief"]
    assert document["review_reasons"]["brief"] == MEANINGS[ReviewReason.BRIEF]
    assert result_document(OUTCOME)["review_reasons"] == {}


def test_the_whole_says_what_ran_where_and_how_long() -> None:
    document = json.loads(json.dumps(result_document(OUTCOME, {"av": "18.1.0", "onnxruntime": "9.9.9"})))
    assert (document["status"], document["partial"], document["decoded_s"]) == ("SUCCESS", False, 60.0)
    assert (document["device"], document["engine"], document["provider"]) == (
        "cpu",
        "onnxruntime",
        "CPUExecutionProvider",
    )
    assert document["models"] == {"detection": "det", "recognition": "rec"}
    # What the engine says of itself wins over what is installed on the machine that writes the file.
    assert document["versions"] == {"av": "18.1.0", "onnxruntime": "1.2.3"}
    assert document["subtitle_area"]["bands"][0]["evidence"]["distinct_texts"] == 12
    assert document["subtitle_area"]["rejected"][0]["reason"] == "always_there"
    assert document["stages"][0] == {
        "stage": "ffmpeg.extract_keyframes",
        "status": "SUCCESS",
        "input_params": {"samples": 24, "exclude": [[1, 2, 3, 4]], "work_dir": "/tmp/w"},
        "output": {"frame_rate": "30000/1001", "stage": "ffmpeg.extract_keyframes"},
        "error": None,
        "duration": 1.25,
    }
    assert document["video"]["frame_rate"] == "25"


def test_tracks_are_named_with_their_files() -> None:
    files = (Path("/videos/a.zh.srt"), Path("/videos/a.zh.ass"))
    document = result_document(replace(OUTCOME, tracks=(TrackOutput("zh", ("han",), 1, files),)))
    assert document["tracks"] == [
        {"language": "zh", "scripts": ["han"], "cues": 1, "files": ["/videos/a.zh.srt", "/videos/a.zh.ass"]}
    ]
    assert result_document(OUTCOME)["tracks"] == []


def test_a_failed_workflow_has_a_document_too() -> None:
    error = {"code": "INPUT_EMPTY", "message": "no bytes", "remedy": "again", "retryable": False}
    failed = replace(OUTCOME, info=None, area=None, layers=(), cues=(), engine=None, error=error)
    document = json.loads(json.dumps(result_document(failed)))
    assert (document["status"], document["error"]["code"]) == ("FAILED", "INPUT_EMPTY")
    assert document["video"] == {"path": "/videos/a.mp4"}
    assert (document["subtitle_area"], document["cues"]) == (None, [])
    assert document["versions"]["python"]


def test_of_a_video_that_was_not_read_there_is_no_text() -> None:
    failed = result_of(replace(OUTCOME, info=None, area=None, layers=(), cues=()))
    with pytest.raises(ConfigError, match=r"/videos/a\.mp4 was not read") as caught:
        failed.as_text("srt")
    assert caught.value.code.name == "CONFIG_INVALID"


def test_a_file_name_that_is_no_utf8_can_still_be_written() -> None:
    document = result_document(replace(OUTCOME, info=None, video=Path("/videos/caf\udce9.mp4")))
    assert json.dumps(document, ensure_ascii=False).encode("utf-8")
    assert document["video"]["path"] == "/videos/caf?.mp4"


def test_a_value_that_no_document_can_hold_is_a_fault_not_a_guess() -> None:
    broken = replace(OUTCOME, stages=(StageRecord(Stage.PERFORM_OCR, StageStatus.SUCCESS, {"x": object()}),))
    with pytest.raises(TypeError, match="object"):
        result_document(broken)
