"""Two small ONNX graphs that run before and behind the models, so that few bytes go to the device and few come back.

Written in protobuf's wire format by hand: a graph of four operators is no reason for the package `onnx`. The field
numbers are those of onnx.proto (IR version 7); operators are of opset 11, the last whose ArgMax has run on CUDA in all
versions of onnxruntime.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

__all__ = ["FLOAT", "INT64", "NORMALISE", "REDUCE", "UINT8", "model", "node", "value"]

FLOAT, UINT8, INT64 = 1, 2, 7
# Wire types of protobuf: a varint, and bytes with their length in front.
_VARINT, _BYTES = 0, 2


def _varint(value: int) -> bytes:
    encoded = bytearray()
    # A negative number takes the ten bytes of its two's complement.
    value &= 2**64 - 1
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3 | _VARINT) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def value(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    """Returns a ValueInfoProto; a name in the shape is a side of any length."""
    sides = b"".join(_field(1, _field(1 if isinstance(side, int) else 2, side)) for side in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, sides)))


def node(operator: str, inputs: Sequence[str], output: str, **attributes: int | tuple[int, ...]) -> bytes:
    """Returns a NodeProto."""
    written = b"".join(_field(1, name) for name in inputs) + _field(2, output) + _field(4, operator)
    for name, value in attributes.items():
        # AttributeProto: a name, the value in a field of its kind, and the kind.
        if isinstance(value, int):
            content = _field(3, value) + _field(20, 2)
        else:
            content = b"".join(map(partial(_field, 8), value)) + _field(20, 7)
        written += _field(5, _field(1, name) + content)
    return written


def model(name: str, nodes: Sequence[bytes], inputs: Sequence[bytes], outputs: Sequence[bytes]) -> bytes:
    """Returns a ModelProto."""
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, name)
    graph += b"".join(_field(11, value) for value in inputs) + b"".join(_field(12, value) for value in outputs)
    return _field(1, 7) + _field(8, _field(2, 11)) + _field(7, graph)


NORMALISE = model(
    "normalise",
    [
        node("Cast", ["pixels"], "grey", to=FLOAT),
        node("Div", ["grey", "divisor"], "divided"),
        node("Mul", ["divided", "scale"], "scaled"),
        node("Add", ["scaled", "shift"], "x"),
    ],
    [
        value("pixels", UINT8, ["n", 1, "h", "w"]),
        value("divisor", FLOAT, [1]),
        value("scale", FLOAT, [3, 1, 1]),
        value("shift", FLOAT, [3, 1, 1]),
    ],
    [value("x", FLOAT, ["n", 3, "h", "w"])],
)
"""pixels (n, 1, h, w) uint8 -> x (n, 3, h, w) float32: pixels / divisor * scale + shift, in this order."""

REDUCE = model(
    "reduce",
    [
        node("ArgMax", ["probabilities"], "best", axis=2, keepdims=0),
        node("ReduceMax", ["probabilities"], "confidence", axes=(2,), keepdims=0),
        node("Gather", ["probabilities", "spaces"], "of_spaces", axis=2),
        node("ReduceMax", ["of_spaces"], "space", axes=(2,), keepdims=0),
    ],
    [value("probabilities", FLOAT, ["n", "steps", "classes"]), value("spaces", INT64, ["k"])],
    [
        value("best", INT64, ["n", "steps"]),
        value("confidence", FLOAT, ["n", "steps"]),
        value("space", FLOAT, ["n", "steps"]),
    ],
)
"""probabilities (n, steps, classes) and the classes that are spaces -> each step's best class, its probability, and the
highest one of a space: of 19,000 numbers a step, the three that CTC decoding looks at."""
