"""What the page shows of a miss: the frames, the pieces of them, and real pictures of a real video."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.accuracy.cases import CaseResult, Found, misses, score_case
from benchmarks.accuracy.exhibits import BOUNDARY_WIDTH_PX, Exhibit, exhibit
from benchmarks.accuracy.pictures import Picture, Shot, take
from benchmarks.corpus.making import Truth, TruthCue
from tests.support.videos import frame_number, make_video
from yivideo_ray.evaluation.misses import Kind
from yivideo_ray.subtitles.scoring import TimedText

SIZE = (320, 180)
TRUTH = Truth(
    "case",
    "en",
    Path("case.mp4"),
    Fraction(1, 12800),
    tuple(range(0, 512 * 101, 512)),
    (TruthCue(512 * 10, 512 * 30, ("Where is he?",), "bottom", (100, 140, 220, 160)),),
)


def exhibits(*found: tuple[int, int, str], boxes: tuple[tuple[int, int, int, int], ...] = ()) -> list[Exhibit]:
    cues = tuple(TimedText(a / 25, b / 25, (text,)) for a, b, text in found)
    case = score_case(TRUTH, Found(cues, boxes))
    return [exhibit(case, miss) for miss in misses(case)]


def frames(shown: Exhibit, kind: Kind) -> list[int]:
    return [shot.frame for boundary in shown.boundaries if boundary.kind is kind for shot in boundary.shots]


def test_a_missed_cue_shows_its_middle_frame_and_the_place_of_its_text() -> None:
    (shown,) = exhibits()
    assert (shown.frame.frame, shown.frame.box) == (20, None)
    # Half the height of the text on each side.
    assert shown.crop is not None
    assert (shown.crop.frame, shown.crop.box) == (20, (90, 130, 230, 170))
    assert shown.boundaries == ()


def test_a_false_cue_shows_its_own_middle_and_what_the_truth_has_then() -> None:
    right = (10, 30, "Where is he?")
    false, other = exhibits(right, (28, 38, "TAXI"), (60, 64, "BUS"), boxes=((0, 0, 9, 9),) * 3)
    assert (false.frame.frame, [cue.lines for cue in false.beside]) == (33, [("Where is he?",)])
    assert (other.frame.frame, other.beside) == (62, ())
    assert other.crop is not None
    assert other.crop.box == (0, 0, 13, 13)


def test_a_start_and_an_end_that_are_off_show_the_frames_on_both_sides() -> None:
    (shown,) = exhibits((12, 24, "Where is he?"), boxes=((90, 140, 210, 170),))
    assert frames(shown, Kind.START) == [9, 10, 11, 12, 13]
    # Last shown in frame 29 and in frame 23: too far apart to show all between.
    assert frames(shown, Kind.END) == [22, 23, 24, 28, 29, 30]
    assert {shot.box for boundary in shown.boundaries for shot in boundary.shots} == {(84, 134, 226, 176)}
    assert (shown.frame.frame, shown.truth is not None and shown.truth.end) == (18, 30)


def test_only_the_boundary_that_is_off_is_shown() -> None:
    (shown,) = exhibits((10, 33, "Where is he?"))
    assert (frames(shown, Kind.START), frames(shown, Kind.END)) == ([], [28, 29, 30, 31, 32, 33])


def test_frames_stay_within_the_video() -> None:
    cues = (TruthCue(0, 512 * 100, ("Where is he?",), "bottom", (100, 140, 220, 160)),)
    case = score_case(replace(TRUTH, cues=cues), Found((TimedText(0.08, 3.92, ("Where is he?",)),)))
    (miss,) = misses(case)
    shown = exhibit(case, miss)
    assert frames(shown, Kind.START) == [0, 1, 2, 3]
    assert frames(shown, Kind.END) == [96, 97, 98, 99]


def test_without_known_boxes_a_false_cue_has_its_frame_alone() -> None:
    (_, shown) = exhibits((60, 64, "BUS"))
    assert (shown.crop, shown.shots) == (None, [shown.frame])


# --- pictures


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    path = make_video(tmp_path_factory.mktemp("pictures") / "case.mp4", frames=40, size=SIZE, b_frames=2)
    return replace(TRUTH, video=path, frame_pts=TRUTH.frame_pts[:41])


def pixels(picture: Picture) -> NDArray[np.uint8]:
    decoded = cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert decoded is not None
    assert (picture.width, picture.height) == decoded.shape[::-1]
    return decoded.astype(np.uint8)


def test_pictures_are_of_the_frames_asked_for(video: Truth) -> None:
    shots = [Shot(frame, None, 640) for frame in (31, 0, 7, 39)]
    taken = take(video, shots)
    assert [frame_number(pixels(taken[shot])) for shot in shots] == [31, 0, 7, 39]
    assert {picture.video_size for picture in taken.values()} == {SIZE}


def test_pictures_are_scaled_down_and_never_up(video: Truth) -> None:
    small, wide = Shot(5, None, 160), Shot(5, (0, 0, 40, 20), BOUNDARY_WIDTH_PX)
    over = Shot(5, (300, 150, 400, 200), BOUNDARY_WIDTH_PX)
    taken = take(video, [small, wide, over])
    assert [pixels(taken[shot]).shape[::-1] for shot in (small, wide, over)] == [(160, 90), (40, 20), (20, 30)]


def test_a_frame_that_the_video_lacks_has_no_picture(video: Truth) -> None:
    assert take(replace(video, frame_pts=TRUTH.frame_pts), [Shot(70, None, 640)]) == {}


def test_a_video_that_is_missing_or_broken_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"case\.mp4"):
        take(TRUTH, [Shot(0, None, 640)])
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video" * 100)
    with pytest.raises(OSError, match=r"broken\.mp4 can't be read"):
        take(replace(TRUTH, video=broken), [Shot(0, None, 640)])


def test_every_shot_of_an_exhibit_is_asked_for(video: Truth) -> None:
    case: CaseResult = score_case(video, Found((TimedText(12 / 25, 24 / 25, ("Where is he?",)),)))
    (miss,) = misses(case)
    shown = exhibit(case, miss)
    assert set(take(video, shown.shots)) == {shown.frame, shown.crop} | {s for b in shown.boundaries for s in b.shots}
