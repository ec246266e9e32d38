"""The two small graphs give what the same arithmetic gives in numpy, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from yivideo_ray.ocr import graphs, onnx


def test_of_probabilities_the_three_numbers_come_back_that_decoding_needs() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.full(50, 0.2), (3, 40)).astype(np.float32)
    # Equal ones: the first counts, as in numpy.
    probabilities[0, 0, 10:13] = probabilities[0, 0].max() + 0.1
    best, confidence, space = onnx.new_session(graphs.REDUCE, 1).run(
        None, {"probabilities": probabilities, "spaces": np.array([7, 49])}
    )
    assert np.array_equal(best, probabilities.argmax(axis=-1))
    assert np.array_equal(confidence, probabilities.max(axis=-1))
    assert np.array_equal(space, probabilities[..., [7, 49]].max(axis=-1))


@pytest.mark.parametrize(
    ("divisor", "scale", "shift"),
    [(255.0, (2.0,) * 3, (-1.0,) * 3), (1.0, (0.0171, 0.0175, 0.0174), (-2.118, -2.036, -1.804))],
)
def test_grey_values_are_normalised_as_on_a_cpu(
    divisor: float, scale: tuple[float, ...], shift: tuple[float, ...]
) -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 1, 8, 32)

    def channels(values: tuple[float, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.array(values, np.float32).reshape(3, 1, 1)

    inputs = {
        "pixels": pixels,
        "divisor": np.array([divisor], np.float32),
        "scale": channels(scale),
        "shift": channels(shift),
    }
    (found,) = onnx.new_session(graphs.NORMALISE, 1).run(None, inputs)
    expected = pixels.astype(np.float32) / np.float32(divisor) * channels(scale) + channels(shift)
    assert found.dtype == np.float32
    assert np.array_equal(found, expected)


def test_half_of_what_paddleocr_subtracts_and_divides_is_the_same_arithmetic() -> None:
    values = np.arange(256, dtype=np.float32) / 255
    theirs = (values - np.float32(0.5)) / np.float32(0.5)
    assert np.array_equal(values * np.float32(2) + np.float32(-1), theirs)
