"""The documents hold together: links lead somewhere, the names of functions are there, README is short."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from PIL import Image

from yivideo_ray.errors import WarningCode
from yivideo_ray.evaluation.corpus import SUFFIXES
from yivideo_ray.service.parameters import SETTABLE

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "yivideo_ray"
PAGES = sorted(
    [
        *(
            ROOT / name
            for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "serve/README.md", "samples/README.md")
        ),
        *(ROOT / "docs").rglob("*.md"),
    ]
)
ROOMS = sorted(path.stem for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py")


def text_of(page: Path) -> str:
    """Returns a page without what stands in fences and backticks, where brackets are no links."""
    fenced = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", lambda code: "x" * len(code[0]), fenced)


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Yields the file and the heading of each link that is no address; the heading is empty where none is named."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if not re.match(r"[a-z]+:", target):
            file, _, heading = target.partition("#")
            yield file, heading


def anchors(page: Path) -> set[str]:
    """Returns the names under which the headings of a page can be linked to, as GitHub makes them."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = (
        re.sub(r"[`*]|\[|\]\([^)]*\)", "", heading) for heading in re.findall(r"^#+ +(.*?) *$", text, re.MULTILINE)
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_that_is_there_and_to_a_heading_in_it(page: Path) -> None:
    broken = []
    for file, heading in links(page):
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or not target.is_relative_to(ROOT):
            broken.append(file)
        elif heading and heading not in anchors(target):
            broken.append(f"{file}#{heading}")
    assert broken == []


def test_links_are_looked_for_where_they_are(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A *b* `c`: d!\n[x](a.md#b) ![y](p.png) `[z](n.md)` <http://a> [w](https://a/b)\n```\n[q](r.md)\n```\n"
    )
    assert list(links(page)) == [("a.md", "b"), ("p.png", "")]
    assert anchors(page) == {"a-b-c-d"}


def test_every_page_is_in_the_index_of_the_documents() -> None:
    index = ROOT / "docs" / "README.md"
    named = {(index.parent / file).resolve() for file, _ in links(index)}
    assert [page.name for page in (ROOT / "docs").glob("*.md") if page != index and page not in named] == []


def test_readme_is_short_and_its_picture_is_small() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
    picture = ROOT / "docs" / "demo.png"
    assert picture.stat().st_size < 200_000
    with Image.open(picture) as image:
        image.verify()


def defined(name: str) -> bool:
    """Returns whether a module of the package, or something in one, is there; name is without the package's."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        stem = PACKAGE.joinpath(*parts[:count])
        module = stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")
        if module.is_file():
            return _holds(ast.parse(module.read_text(encoding="utf-8")).body, parts[count:])
    return False


def _holds(body: list[ast.stmt], parts: list[str]) -> bool:
    if not parts:
        return True
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == parts[0]:
            return _holds(node.body, parts[1:])
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if len(parts) == 1 and any(isinstance(target, ast.Name) and target.id == parts[0] for target in targets):
            return True
    return False


def test_every_function_that_the_architecture_names_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    config = yaml.safe_load((ROOT / "config.yml").read_text(encoding="utf-8"))
    settings = {f"{section}.{key}" for section, keys in config.items() for key in keys}
    named = set(re.findall(rf"`((?:{'|'.join(ROOMS)})(?:\.\w+)+)`", text)) - settings - {"pipeline.py"}
    assert len(named) > 40
    assert sorted(name for name in named if not defined(name)) == []
    assert not defined("runtime.session.Session.no_such_thing")


def test_the_settings_that_one_workflow_may_have_are_in_the_page_of_the_service() -> None:
    page = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z]+\.[a-z_]+)` \| (`.*`) \| `(\w+)` \|$", page, re.MULTILINE)
    told = {(stage, name, section) for stage, names, section in rows for name in re.findall(r"`(\w+)`", names)}
    settable = {
        (stage.value, name, section) for stage, places in SETTABLE.items() for name, (section, _) in places.items()
    }
    assert told == settable


def test_the_suffixes_of_videos_that_are_scored_are_in_the_page_of_the_command() -> None:
    page = (ROOT / "docs" / "use.md").read_text(encoding="utf-8")
    (sentence,) = re.findall(r"^Videos end in (.*?)\. ", page, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"`(\.\w+)`", sentence)) == SUFFIXES


def test_every_code_of_a_warning_is_in_the_page_of_the_command() -> None:
    page = (ROOT / "docs" / "use.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)) == {code.value for code in WarningCode}
