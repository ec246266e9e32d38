"""What is wrong with a result, and how pictures of that are shared out."""

from __future__ import annotations

import pytest

from tests.support.corpora import cue
from yivideo_ray.evaluation.misses import Kind, Miss, find_misses, quotas
from yivideo_ray.subtitles.scoring import match, score

TRUE = (cue(1, 2, "Where is he?"), cue(3, 4, "At home."), cue(5, 6, "Nobody knows."), cue(7, 8, "Well."))
FOUND = (cue(1.2, 2, "Where is he?"), cue(3, 4, "At h0me."), cue(7, 8, "Well."), cue(9, 10, "TAXI"))


@pytest.mark.parametrize(
    ("frames", "first"), [(1, [Miss((Kind.START,), 1.0, 0, 0, 5, 0)]), (5, []), (None, [])], ids=str
)
def test_misses_are_in_order_of_time_and_times_count_as_they_are_asked_for(
    frames: int | None, first: list[Miss]
) -> None:
    found = find_misses(TRUE, FOUND, score(TRUE, FOUND, 0.04), match(TRUE, FOUND), frames=frames)
    assert found == [
        *first,
        Miss((Kind.TEXT,), 3.0, 1, 1),
        Miss((Kind.MISSED,), 5.0, 2),
        Miss((Kind.FALSE,), 9.0, result=3),
    ]


@pytest.mark.parametrize(
    ("counts", "most", "expected"),
    [
        ([3, 0, 2], 10, [3, 0, 2]),
        ([500, 2, 5], 20, [13, 2, 5]),
        ([50, 50], 9, [4, 5]),
        ([], 9, []),
    ],
)
def test_pictures_are_shared_out_so_that_a_broken_case_leaves_some(
    counts: list[int], most: int, expected: list[int]
) -> None:
    assert quotas(counts, most) == expected
