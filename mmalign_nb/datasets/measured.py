"""Figures that `benchmarks/` and `tools/` measured and that a chapter draws, since measuring them anew would take it too long."""

from __future__ import annotations

import json
from typing import Any

from .._check import one_of
from .._files import shipped

__all__ = ["measured"]


def measured(name: str) -> dict[str, Any]:
    """Return the figures that a script in ``benchmarks/`` or ``tools/`` wrote down, as it did.

    Parameters
    ----------
    name : str
        The script's name: "scarce", say, of ``benchmarks/scarce.py``.

    Returns
    -------
    dict
        What was measured, by name; the script's head says how.

    Raises
    ------
    ValueError
        For a name that is not among them; the sentence has all that are.

    Notes
    -----
    Notebook: ``00_start_here``, ``05_what_score_is_a_match``, ``09_scale_and_scarcity``.

    Examples
    --------
    >>> from mmalign_nb.datasets import measured
    >>> sorted(measured("scarce"))
    ['chosen', 'curves', 'features', 'no pairs', 'self-training']
    """
    files = {path.stem: path for path in sorted(shipped("measured").glob("*.json"))}
    found: dict[str, Any] = json.loads(files[one_of(name, "name", files)].read_text(encoding="utf-8"))
    return found
