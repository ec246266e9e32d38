"""The documentation as a page without scripts, made from the OpenAPI schema: nothing is loaded from anywhere."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from typing import Any

from yivideo_ray.errors import CODES

__all__ = ["docs_page"]

STYLE = """\
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
pre { background: #f4f4f4; color: #222; padding: .8rem; overflow-x: auto; border-radius: 4px; }
h2 code { font-size: 1rem; } td, th { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0; }
.old { color: #777; }"""


def docs_page(schema: Mapping[str, Any]) -> str:
    """Returns the page: every call with its command and an answer, then every error code with its remedy."""
    info = schema["info"]
    calls = "\n".join(
        _call(method, path, entry) for path, methods in schema["paths"].items() for method, entry in methods.items()
    )
    codes = "\n".join(
        f'<tr id="{code.name}"><td><code>{code.name}</code><td>{code.http_status}<td>{_text(code.remedy)}'
        for code in CODES.values()
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{_text(info["title"])}</title><style>{STYLE}</style>
<h1>{_text(info["title"])} {_text(info["version"])}</h1>
<p>{_text(info["description"])}
{calls}
<h2 id="errors">Errors</h2>
<p>Answers of type <code>application/problem+json</code> (RFC 9457). <code>code</code> is stable.
<table><tr><th>code<th>status<th>what to do
{codes}
</table></html>
"""


def _call(method: str, path: str, entry: Mapping[str, Any]) -> str:
    name = entry["operationId"]
    old = ' class="old"' if entry.get("deprecated") else ""
    return f"""<h2 id="{name}"{old}>{_text(entry["summary"])} <code>{method.upper()} {_text(path)}</code></h2>
<p>{_text(entry.get("description", ""))}
{"".join(_parameters(entry))}<pre>{_text(entry["x-command"])}</pre>
{"".join(_answers(entry))}"""


def _parameters(entry: Mapping[str, Any]) -> Iterator[str]:
    for parameter in entry.get("parameters", ()):
        if parameter.get("description") and parameter["in"] != "path":
            yield (
                f"<p><code>{_text(parameter['name'])}</code> ({_text(parameter['in'])}): "
                f"{_text(parameter['description'])}\n"
            )


def _answers(entry: Mapping[str, Any]) -> Iterator[str]:
    for status, answer in entry["responses"].items():
        yield f"<p>{_text(status)}: {_text(answer['description'])}\n"
        for media_type, content in answer.get("content", {}).items():
            if "example" in content:
                yield f"<pre>{_text(_shown(content['example'], media_type))}</pre>\n"


def _shown(example: Any, media_type: str) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False) if media_type == "application/json" else str(example)


def _text(value: str) -> str:
    return html.escape(value, quote=False)
