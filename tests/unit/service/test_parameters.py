"""What a single workflow may set for itself."""

from __future__ import annotations

from typing import Any

import pytest

from yivideo_ray.config import Settings
from yivideo_ray.errors import ConfigError
from yivideo_ray.service.parameters import SETTABLE, with_parameters
from yivideo_ray.types import STAGES, Stage

LAST = Stage.POSTPROCESS_AND_FINALIZE.value


def test_every_stage_has_its_parameters_and_each_is_a_setting() -> None:
    assert set(SETTABLE) == set(STAGES)
    known = {(section, key) for section, keys in Settings().model_dump().items() for key in keys}
    places = [place for named in SETTABLE.values() for place in named.values()]
    assert set(places) <= known
    assert len(places) == len(set(places))


def test_parameters_take_the_place_of_settings_and_leave_the_others() -> None:
    before = Settings()
    after = with_parameters(
        before,
        STAGES,
        {
            "ffmpeg.extract_keyframes": {"samples": 20},
            "paddleocr.detect_subtitle_area": {"regions": [{"y0": 0.5}]},
            "ffmpeg.crop_subtitle_images": {"strict": True},
            "paddleocr.perform_ocr": {},
            LAST: {
                "formats": ["srt", "vtt"],
                "min_duration_ms": 10,
                "layers": [2, 1],
                "script_languages": {"latin": "fr"},
            },
        },
    )
    assert (after.area_detector.samples, after.area_detector.regions[0].y0) == (20, 0.5)
    assert (after.decoder.strict, after.subtitles.formats) == (True, ("srt", "vtt"))
    assert (after.postprocessor.min_duration_ms, after.postprocessor.layers) == (10, (2, 1))
    assert (after.subtitles.script_languages.latin, after.subtitles.script_languages.han) == ("fr", "zh")
    assert after.area_detector.frame_side_px == before.area_detector.frame_side_px
    assert before == Settings()
    assert with_parameters(before, STAGES, {}) == before


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"ffmpeg.extract_keyframe": {}}, "which is no stage; did you mean ffmpeg.extract_keyframes?"),
        ({"ffmpeg.extract_keyframes": {"sample": 1}}, "has no parameter 'sample': did you mean samples?"),
        (
            {"paddleocr.perform_ocr": {"engine": "paddle"}},
            "perform_ocr has no parameter 'engine': it has none.",
        ),
        ({LAST: {"device": "gpu"}}, f"{LAST} has no parameter 'device': did you mean "),
        ({"ffmpeg.extract_keyframes": {"samples": 0}}, "ffmpeg.extract_keyframes.samples: input should be greater"),
        ({"ffmpeg.extract_keyframes": {"samples": "x" * 500}}, "..."),
        (
            {"ffmpeg.extract_keyframes": {"samples": 25}},
            "extract_keyframes.samples: it must be at most 24 here, got 25.",
        ),
        (
            {"ffmpeg.extract_keyframes": {"frame_side_px": 4096}},
            "frame_side_px: it must be at most 640 here, got 4096.",
        ),
        ({"ffmpeg.extract_keyframes": {"sample_interval_s": 1}}, "interval_s: it must be at least 15 here, got 1."),
        ({"ffmpeg.extract_keyframes": {"sample_interval_s": 1e308}}, "input should be less than or equal to 86400"),
        ({LAST: {"merge_gap_ms": 1e308}}, "input should be less than or equal to 86400000"),
        ({LAST: {"min_duration_ms": 1e308}}, "input should be less than or equal to 86400000"),
        ({"paddleocr.detect_subtitle_area": {"regions": [{}] * 65}}, "regions: tuple should have at most 64 items"),
        ({"paddleocr.detect_subtitle_area": {"exclude": [{}] * 65}}, "exclude: tuple should have at most 64 items"),
        ({LAST: {"layers": [0]}}, f"{LAST}.layers: it must be auto, all or numbers of layers from 1 on, such as 1,3"),
        ({LAST: {"formats": ["mp3"]}}, f"{LAST}.formats.0: input should be 'srt', 'vtt', 'ass' or 'txt', got 'mp3'."),
        ({LAST: {"script_languages": {"latin": "../fr"}}}, f"{LAST}.script_languages.latin: "),
        ({LAST: {"script_languages": "fr"}}, f"{LAST}.script_languages: "),
        (
            {"paddleocr.detect_subtitle_area": {"regions": [{"x0": 0.9, "x1": 0.1}]}},
            "paddleocr.detect_subtitle_area.regions.0: x0 must be less than x1",
        ),
    ],
)
def test_what_is_wrong_is_refused_in_one_sentence(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_parameters(Settings(), STAGES, parameters)
    assert caught.value.code.name == "CONFIG_INVALID"
    assert said in caught.value.message
    assert len(caught.value.message) < 300


def test_parameters_of_a_stage_that_the_chain_leaves_out_are_refused() -> None:
    with pytest.raises(ConfigError, match="which the chain leaves out"):
        with_parameters(Settings(), STAGES[:2], {LAST: {}})
