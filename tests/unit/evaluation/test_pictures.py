"""Pictures of a video at given moments: the frame that a player shows then."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.videos import frame_number, make_video
from yivideo_ray.errors import InputError
from yivideo_ray.evaluation.pictures import Picture, frames_at

SIZE = (320, 180)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("pictures") / "clip.mp4", frames=30, size=SIZE, b_frames=2)


def pixels(picture: Picture) -> NDArray[np.uint8]:
    decoded = cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert decoded is not None
    return np.asarray(decoded, np.uint8)


def test_each_moment_shows_the_frame_that_is_shown_then(video: Path) -> None:
    # Frame 5 is shown from 0.2 s up to, and without, 0.24 s; the last one, 29, for as long as anybody asks.
    moments = {0.0: 0, 0.2: 5, 0.239: 5, 0.24: 6, 0.9: 22, 9.0: 29}
    found = frames_at(video, moments, 320)
    assert {moment: frame_number(pixels(picture)) for moment, picture in found.items()} == moments
    assert found[0.239].at_s == pytest.approx(0.2)


def test_a_wide_picture_is_made_narrower_and_a_narrow_one_stays(video: Path) -> None:
    (small,) = frames_at(video, [0.5], 80).values()
    assert (small.width, small.height) == (80, 45)
    assert pixels(small).shape == (45, 80)
    (same,) = frames_at(video, [0.5], 4000).values()
    assert (same.width, same.height) == SIZE


def test_no_moment_needs_no_video_and_one_of_no_video_is_an_error(tmp_path: Path) -> None:
    assert frames_at(tmp_path / "none.mp4", [], 320) == {}
    with pytest.raises(InputError):
        frames_at(tmp_path / "none.mp4", [1.0], 320)
