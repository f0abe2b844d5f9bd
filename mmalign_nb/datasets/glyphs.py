"""Real symbols and their Unicode names, in the typefaces that come with matplotlib."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np

from .._check import as_count, one_of
from ._items import Items

__all__ = ["glyphs", "typefaces"]

# Faces whose character map is honest Unicode and which draw at least a thousand characters. Left out on
# purpose: the Computer Modern files (letters sit at other code points) and the Last Resort font (boxes).
FILES = {
    "DejaVu Sans": "DejaVuSans",
    "DejaVu Sans Bold": "DejaVuSans-Bold",
    "DejaVu Sans Oblique": "DejaVuSans-Oblique",
    "DejaVu Sans Bold Oblique": "DejaVuSans-BoldOblique",
    "DejaVu Sans Mono": "DejaVuSansMono",
    "DejaVu Sans Mono Bold": "DejaVuSansMono-Bold",
    "DejaVu Sans Mono Oblique": "DejaVuSansMono-Oblique",
    "DejaVu Sans Mono Bold Oblique": "DejaVuSansMono-BoldOblique",
    "DejaVu Serif": "DejaVuSerif",
    "DejaVu Serif Bold": "DejaVuSerif-Bold",
    "DejaVu Serif Italic": "DejaVuSerif-Italic",
    "DejaVu Serif Bold Italic": "DejaVuSerif-BoldItalic",
    "STIX": "STIXGeneral",
    "STIX Bold": "STIXGeneralBol",
    "STIX Italic": "STIXGeneralItalic",
    "STIX Bold Italic": "STIXGeneralBolIta",
}
_FINE = 4  # drawn four times as large, then averaged: the hinting of a FreeType version hardly shows


def typefaces() -> list[str]:
    """Return the names that ``glyphs(typeface=…)`` knows: four families in four styles each.

    Returns
    -------
    list of str
        A family is its own world of shapes (DejaVu Sans, DejaVu Sans Mono, DejaVu Serif, STIX); the styles of a
        family are close relatives. To see drift, change the family.

    Notes
    -----
    Notebook: ``06_image_text_search``.

    Examples
    --------
    >>> from mmalign_nb.datasets import typefaces
    >>> typefaces()[::4]
    ['DejaVu Sans', 'DejaVu Sans Mono', 'DejaVu Serif', 'STIX']
    """
    return list(FILES)


def glyphs(typeface: str = "DejaVu Sans", size: int = 32) -> Items:
    """Return every named, printable symbol of a typeface: its picture and its Unicode name.

    Pictures are dark ink on white paper. All symbols of a typeface share one scale and one baseline, so that a
    comma stays small and low; only what is too large for the square is shrunk into it. Characters without a
    glyph, without a name or without any ink are left out.

    Parameters
    ----------
    typeface : str
        One of :func:`typefaces`.
    size : int
        Height and width of the pictures in pixels, at least 8.

    Returns
    -------
    Items
        ``ids`` (``"U+2602"``), ``text`` (``"umbrella"``), ``image`` uint8 (n, size, size), ``label`` (Unicode
        general category, ``"So"`` for *symbol, other*) and the factors

        * ``codepoint``: int64;
        * ``block`` and ``script``: as Unicode names them (``"Miscellaneous Symbols"``, ``"Greek"``);
        * ``same_drawing_as``: id of the first symbol with exactly the same picture, often the symbol itself.

    Raises
    ------
    ValueError
        If the typeface is unknown (the message lists the known ones) or the size is less than 8.

    Notes
    -----
    **No model can tell apart what is drawn alike.** Latin A, Greek Alpha and Cyrillic A are one drawing with
    three names, and of each group of k such symbols only one can be found first: hit@1 of the best possible
    model is the number of distinct drawings divided by n (about 0.9 here). ``same_drawing_as`` gives the groups.

    Names and categories come from Python's own :mod:`unicodedata`, blocks and scripts from fontTools, outlines
    from the DejaVu and STIX fonts inside matplotlib. Notebook: ``00_start_here``.

    References
    ----------
    The Unicode Consortium, *The Unicode Standard*, chapter 4 (names, general category).

    Examples
    --------
    >>> from mmalign_nb.datasets import glyphs
    >>> symbols = glyphs()
    >>> len(symbols) > 5000
    True
    >>> umbrella = symbols[symbols.ids == "U+2602"]
    >>> umbrella.text, umbrella.label.tolist(), umbrella.factors["block"].tolist()
    (['umbrella'], ['So'], ['Miscellaneous Symbols'])
    """
    one_of(typeface, "typeface", FILES)
    size = as_count(size, "size", 8)
    import matplotlib
    from fontTools.unicodedata import block, script, script_name
    from matplotlib.ft2font import FT2Font

    path = Path(matplotlib.get_data_path(), "fonts", "ttf", FILES[typeface] + ".ttf")
    drawn = (chr(code) for code, glyph in sorted(FT2Font(str(path)).get_charmap().items()) if glyph)
    chars = [c for c in drawn if c.isprintable() and not c.isspace() and unicodedata.name(c, "") != ""]
    image = _draw(chars, path, size)
    inked = image.min(axis=(1, 2)) < 128
    chars, image = [c for c, ink in zip(chars, inked, strict=True) if ink], image[inked]
    ids = np.array([f"U+{ord(c):04X}" for c in chars])
    seen: dict[bytes, int] = {}
    first = [seen.setdefault(picture.tobytes(), i) for i, picture in enumerate(image)]
    return Items(
        ids=ids,
        text=[unicodedata.name(c).lower() for c in chars],
        image=image,
        label=np.array([unicodedata.category(c) for c in chars]),
        factors={
            "codepoint": np.array([ord(c) for c in chars], np.int64),
            "block": np.array([block(c) for c in chars]),
            "script": np.array([script_name(script(c)) for c in chars]),
            "same_drawing_as": ids[first],
        },
    )


def _draw(chars: list[str], path: Path, size: int) -> np.ndarray:
    """Draw each character as a line of print would: advance width centred, all on a common baseline."""
    from PIL import Image, ImageDraw, ImageFont

    side = size * _FINE
    # Capitals with accents and letters with descenders both fit between the edges at this scale and baseline.
    # The plain layout engine, because the other one is not in every build of Pillow.
    font = ImageFont.truetype(str(path), size=round(0.72 * side), layout_engine=ImageFont.Layout.BASIC)
    out = np.empty((len(chars), size, size), np.uint8)
    for i, char in enumerate(chars):
        left, top, right, bottom = (round(v) for v in font.getbbox(char, anchor="ls"))
        page = max(side, right - left, bottom - top)  # larger than the square for what must be shrunk into it
        sheet = Image.new("L", (page, page), 255)
        # Where the ink begins: as print wants it, unless that cuts something off.
        x = min(max(round((page - font.getlength(char)) / 2) + left, 0), page - (right - left))
        y = min(max(round(0.74 * page) + top, 0), page - (bottom - top))
        ImageDraw.Draw(sheet).text((x - left, y - top), char, font=font, fill=0, anchor="ls")
        out[i] = np.asarray(sheet.resize((size, size), Image.Resampling.BOX))
    return out
