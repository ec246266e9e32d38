"""Finds the tuned numbers and the special cases of letters in Python source, by its syntax tree.

The rule is that of `python -m benchmarks.borders`; what a person looked at and took off the count is in reviewed.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

__all__ = ["Found", "find_borders", "find_lexical"]

# 0, 1 and -1 are beginnings, ends, steps and signs.
_NEUTRAL = (0, 1, -1)
_BRIGHTEST = 255
_CONVERSIONS = (60, 1000, 3600)
_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
}
_TEXT_METHODS = frozenset(
    ("count", "endswith", "find", "lstrip", "removeprefix", "removesuffix", "replace", "rstrip", "startswith", "strip")
)
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Found:
    """A number, or a special case of letters, in line `line` of its module; text is its source.

    name: the constant, the field or parameter (function.parameter), or the function (function()) that it stands in.
    """

    line: int
    name: str
    text: str

    @property
    def key(self) -> str:
        """Its name among those that were reviewed: a constant has one for all that it holds."""
        return f"{self.name} {self.text}" if self.name.endswith("()") else self.name


class _Place(Enum):
    """Where an expression stands, as far as it matters for the numbers in it."""

    PLAIN = auto()
    SIDE = auto()  # a whole side of a comparison
    SIDE_FACTOR = auto()  # what multiplies such a side
    FACTOR = auto()
    ADDEND = auto()
    EXPONENT = auto()


def find_borders(source: str) -> list[Found]:
    """Returns the numbers that count, in the order of the source. Errors: SyntaxError."""
    tree = ast.parse(source)
    found: list[Found] = []
    for name, value in _constants(tree.body):
        found += [_found(name, number) for number in _in_constant(value)]
    for name, value in _defaults(tree):
        found += [_found(name, number) for number in _in_default(value)]
    for name, function in _functions(tree):
        found += _once([_found(name, number) for part in _body(function) for number in _in_function(part)])
    return sorted(found, key=lambda one: one.line)


def find_lexical(source: str) -> list[Found]:
    """Returns the special cases of letters, in the order of the source. Errors: SyntaxError."""
    tree = ast.parse(source)
    found = [Found(value.lineno, name, "") for name, value in _constants(tree.body) if _holds_words(value)]
    for name, function in _functions(tree):
        cases = [case for part in _body(function) for node in _own_nodes(part) if (case := _lexical_case(node))]
        found += _once([_found(name, case) for case in cases])
    return sorted(found, key=lambda one: one.line)


def _found(name: str, node: ast.expr) -> Found:
    return Found(node.lineno, name, ast.unparse(node))


def _once(found: Sequence[Found]) -> list[Found]:
    """Returns the first of those that a function writes more than once."""
    first: dict[str, Found] = {}
    for one in found:
        first.setdefault(one.text, one)
    return list(first.values())


# What stands where


def _constants(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Yields the constants of a module, and those of its classes that are written in capitals."""
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            yield from ((name, value) for name, value in _constants(statement.body) if name.isupper())
        elif isinstance(statement, ast.If | ast.Try):
            yield from _constants([part for part in ast.iter_child_nodes(statement) if isinstance(part, ast.stmt)])
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                yield from _pairs(target, statement.value)
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            yield from _pairs(statement.target, statement.value)


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Yields each name that is assigned to, with its value, but for what Python itself looks for, and for types."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for one, its in zip(target.elts, value.elts, strict=True):
            yield from _pairs(one, its)
    elif not ast.unparse(target).startswith("__") and not isinstance(value, ast.Subscript):
        yield ast.unparse(target), value


def _defaults(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yields the defaults of fields, as Class.field, and of parameters, as function.parameter."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            fields = ((name, value) for name, value in _constants(node.body) if not name.isupper())
            yield from ((f"{node.name}.{name}", value) for name, value in fields)
    for name, function in _functions(tree):
        arguments = function.args
        named = [*arguments.posonlyargs, *arguments.args]
        given = [*zip(reversed(named), reversed(arguments.defaults), strict=False)]
        given += [(one, value) for one, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value]
        yield from ((f"{name.removesuffix('()')}.{argument.arg}", value) for argument, value in given)


def _functions(node: ast.AST, within: str = "") -> Iterator[tuple[str, _Function]]:
    """Yields every function by its name with (); a lambda has that of the function that it stands in."""
    for child in ast.iter_child_nodes(node):
        name = f"{child.name}()" if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else within
        if isinstance(child, _Function):
            yield name or "lambda()", child
        yield from _functions(child, name)


def _body(function: _Function) -> list[ast.AST]:
    return [function.body] if isinstance(function, ast.Lambda) else list(function.body)


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yields a node and all in it but the functions, which stand for themselves."""
    if isinstance(node, _Function):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _own_nodes(child)


# Numbers


def _in_constant(node: ast.expr) -> Iterator[ast.expr]:
    """Yields the numbers of a constant: each one of a list, whatever it is; in a formula as in a function."""
    if _value(node) is not None:
        yield node
    elif isinstance(node, ast.Tuple | ast.List | ast.Set):
        for element in node.elts:
            yield from _in_constant(element)
    elif isinstance(node, ast.Dict):
        for part in [*node.keys, *node.values]:
            if part is not None:
                yield from _in_constant(part)
    else:
        yield from _in_function(node)


def _in_default(node: ast.expr) -> Iterator[ast.expr]:
    yield from (number for number in _in_constant(node) if _value(number) not in _NEUTRAL)


def _in_function(node: ast.AST, place: _Place = _Place.PLAIN) -> Iterator[ast.expr]:
    """Yields the numbers that count in a part of a function; functions within it are left out."""
    if isinstance(node, _Function):
        return
    if isinstance(node, ast.expr) and (value := _value(node)) is not None:
        if _counts(value, place):
            yield node
    elif isinstance(node, ast.Call) and (kernel := _kernel(node)) is not None:
        yield kernel
    else:
        for part, its_place in _parts(node, place):
            yield from _in_function(part, its_place)


def _counts(value: float, place: _Place) -> bool:
    if value in _NEUTRAL or value == _BRIGHTEST:
        return False
    if value == 2:
        return place is _Place.SIDE_FACTOR
    if value == 0.5:
        return place not in (_Place.ADDEND, _Place.EXPONENT)
    return not (value in _CONVERSIONS and place in (_Place.FACTOR, _Place.SIDE_FACTOR))


def _parts(node: ast.AST, place: _Place) -> list[tuple[ast.AST, _Place]]:
    """Returns the parts of a node that may hold numbers, each with its place."""
    match node:
        case ast.Compare(left=left, comparators=others):
            return [(side, _Place.SIDE) for side in (left, *others)]
        case ast.BinOp(left=left, op=op, right=right):
            return list(zip((left, right), _operands(op, place), strict=True))
        case ast.UnaryOp(operand=operand):
            return [(operand, place)]
    return [(child, _Place.PLAIN) for child in _children(node)]


def _children(node: ast.AST) -> list[ast.AST]:
    """Returns what is in a node but for types, places in lists, and digits."""
    match node:
        case ast.AnnAssign(value=value):
            return [value] if value is not None else []
        case ast.Call(func=ast.Name(id="round"), args=[rounded, _]):
            return [rounded]
        case ast.Subscript(value=value, slice=index):
            indexes = index.elts if isinstance(index, ast.Tuple) else [index]
            return [value, *(one for one in indexes if not _is_index(one))]
    return list(ast.iter_child_nodes(node))


def _is_index(node: ast.expr) -> bool:
    """Returns whether what stands in brackets is written out: a place, or a stretch from place to place. An end alone,
    as in `best[:5]`, says how many are enough."""
    if isinstance(node, ast.Slice):
        return all(end is not None and _value(end) is not None for end in (node.lower, node.upper))
    return _value(node) is not None


def _operands(op: ast.operator, place: _Place) -> tuple[_Place, _Place]:
    of_side = place in (_Place.SIDE, _Place.SIDE_FACTOR)
    factor = _Place.SIDE_FACTOR if of_side else _Place.FACTOR
    match op:
        case ast.Mult():
            return factor, factor
        case ast.Div() | ast.FloorDiv() | ast.Mod():
            # `2 * a >= b` says that half of b is enough; `a / 2` is mostly the middle of something.
            return factor, _Place.FACTOR
        case ast.Pow():
            return _Place.PLAIN, _Place.EXPONENT
    return _Place.ADDEND, _Place.ADDEND


def _value(node: ast.expr) -> float | None:
    """Returns the number that an expression of nothing but numbers is; None for any other."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _value(operand)
            return None if inner is None else -inner
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            first, second = _value(left), _value(right)
            if first is not None and second is not None:
                return float(_OPERATORS[type(op)](first, second))
    return None


def _kernel(node: ast.Call) -> ast.expr | None:
    """Returns the size of a kernel of morphology, which is one number, as its width and height are."""
    name = ast.unparse(node.func).rpartition(".")[2]
    if name not in ("getStructuringElement", "ones"):
        return None
    sizes = (arg for arg in node.args if isinstance(arg, ast.Tuple) and all(_value(one) for one in arg.elts))
    return next(sizes, None)


# Letters


def _holds_words(node: ast.expr) -> bool:
    """Returns whether a constant is a pattern, or a set, list or table of characters or words."""
    return any(
        _is_pattern(part) or _is_words(part) or (isinstance(part, ast.Dict) and any(map(_is_text, part.keys)))
        for part in _own_nodes(node)
    )


def _is_words(node: ast.AST | None) -> bool:
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return bool(node.elts) and all(map(_is_text, node.elts))
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("frozenset", "set", "str.maketrans", "dict.fromkeys"):
        return any(map(_is_text, node.args))
    return False


def _is_pattern(node: ast.AST) -> bool:
    """Returns whether a node is a call of re with a pattern that is written there, not named."""
    return (
        isinstance(node, ast.Call)
        and ast.unparse(node.func).startswith("re.")
        and bool(node.args)
        and not isinstance(node.args[0], ast.Name)
    )


def _lexical_case(node: ast.AST) -> ast.expr | None:
    """Returns what in a node of a function decides by letters: a pattern, a character or words compared with, what is
    taken off or looked for; None where nothing does."""
    if isinstance(node, ast.Call):
        if _is_pattern(node):
            return node.args[0]
        of_text = isinstance(node.func, ast.Attribute) and node.func.attr in _TEXT_METHODS
        return next((arg for arg in node.args if of_text and _is_text(arg)), None)
    if isinstance(node, ast.Compare):
        sides = (node.left, *node.comparators)
        if any(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
            return node if any(_is_text(side) or _is_words(side) for side in node.comparators) else None
        return node if any(_is_text(side) and len(ast.literal_eval(side)) == 1 for side in sides) else None
    return None


def _is_text(node: ast.AST | None) -> bool:
    """Returns whether a node is text that holds more than white space."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(node.value.strip())
