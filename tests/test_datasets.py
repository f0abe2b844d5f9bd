"""glyphs, typefaces, colors, digits: real items, honestly named, the same on every call."""

import unicodedata

import numpy as np
import pytest

from mmalign_nb.datasets import colors, digits, glyphs, typefaces


@pytest.fixture(scope="module")
def sans():
    return glyphs()


def test_names_are_unicode_names(sans):
    assert len(sans) > 5000
    for code, text, label in zip(sans.factors["codepoint"], sans.text, sans.label, strict=True):
        char = chr(code)
        assert text == unicodedata.name(char).lower()
        assert label == unicodedata.category(char)
        assert char.isprintable()
        assert not char.isspace()
    assert sans.ids[sans.factors["codepoint"] == 0x2602].tolist() == ["U+2602"]


def test_pictures_are_dark_ink_on_white_and_never_blank(sans):
    assert sans.image.dtype == np.uint8
    assert sans.image.shape[1:] == (32, 32)
    assert (sans.image.reshape(len(sans), -1).min(1) < 128).all()
    assert np.median(sans.image) == 255
    blank_but_named = [0x00A0, 0x2800, 0x3164, 0x200B]  # no-break space, empty Braille, fillers
    assert not np.isin(blank_but_named, sans.factors["codepoint"]).any()


def test_only_what_the_font_really_draws():
    """The box that stands for a missing character never comes in: every code point is in the font's own map."""
    import matplotlib
    from fontTools.ttLib import TTFont

    for typeface, file in (("DejaVu Sans Mono", "DejaVuSansMono"), ("STIX", "STIXGeneral")):
        font = TTFont(f"{matplotlib.get_data_path()}/fonts/ttf/{file}.ttf")
        drawn = {code for code, glyph in font.getBestCmap().items() if glyph != ".notdef"}
        assert set(glyphs(typeface).factors["codepoint"].tolist()) <= drawn


def test_same_drawing_as_groups_exactly_the_identical_pictures(sans):
    group = sans.factors["same_drawing_as"]
    where = {i: k for k, i in enumerate(sans.ids)}
    first = np.array([where[i] for i in group])
    np.testing.assert_array_equal(sans.image, sans.image[first])
    assert len({picture.tobytes() for picture in sans.image}) == len(set(group.tolist()))
    assert (first <= np.arange(len(sans))).all()
    latin_a, alpha, cyrillic_a = (where[i] for i in ("U+0041", "U+0391", "U+0410"))
    assert group[latin_a] == group[alpha] == group[cyrillic_a] == "U+0041"
    # The halves of a block differ only in where they stand: centring the ink would have made them one drawing.
    assert group[where["U+258C"]] != group[where["U+2590"]]


def test_glyphs_are_the_same_on_every_call_and_scale_with_size():
    a, b = glyphs("STIX Italic"), glyphs("STIX Italic")
    np.testing.assert_array_equal(a.image, b.image)
    assert a.ids.tolist() == b.ids.tolist()
    large = glyphs("STIX Italic", size=64)
    shared = np.intersect1d(a.ids, large.ids)
    assert len(shared) > 0.99 * len(a)
    small = large[np.isin(large.ids, shared)].image.reshape(-1, 32, 2, 32, 2).mean((2, 4))
    assert np.abs(small - a[np.isin(a.ids, shared)].image).mean() < 4


def test_what_is_too_large_is_shrunk_and_not_cut_off(sans):
    """Ink of the widest and tallest symbols keeps its proportions, which a cut would change."""
    import matplotlib
    from PIL import ImageFont

    font = ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", 100, layout_engine=0)
    boxes = np.array([font.getmask(chr(c)).getbbox() for c in sans.factors["codepoint"]])  # of the ink alone
    width, height = (boxes[:, 2] - boxes[:, 0]), (boxes[:, 3] - boxes[:, 1])
    large = np.flatnonzero((width > 140) | (height > 140))
    assert len(large) >= 5
    for i, ink in zip(large, glyphs(size=96).image[large] < 200, strict=True):
        drawn_width, drawn_height = (
            np.ptp(np.flatnonzero(ink.any(0))) + 1,
            np.ptp(np.flatnonzero(ink.any(1))) + 1,
        )
        assert max(drawn_width, drawn_height) >= 80, sans.text[i]
        short = min(width[i], height[i]) / max(width[i], height[i]) * max(drawn_width, drawn_height)
        assert abs(min(drawn_width, drawn_height) - short) <= 3, sans.text[i]


@pytest.mark.parametrize("typeface", typefaces())
def test_every_typeface_loads(typeface):
    items = glyphs(typeface, size=16)
    assert len(items) > 1000
    assert 0.85 < len(set(items.factors["same_drawing_as"].tolist())) / len(items) < 1


def test_typefaces_differ(sans):
    serif = glyphs("DejaVu Serif")
    shared = np.intersect1d(sans.ids, serif.ids)
    a, b = sans[np.isin(sans.ids, shared)], serif[np.isin(serif.ids, shared)]
    assert a.text == b.text
    letters = np.isin(a.label, ["Lu", "Ll"])
    assert (a.image[letters] != b.image[letters]).any((1, 2)).mean() > 0.95


def test_unknown_typeface_lists_the_known_ones():
    with pytest.raises(
        ValueError, match=r"typeface is 'Comic Sans'; known: 'DejaVu Sans', .*'STIX Bold Italic'"
    ):
        glyphs("Comic Sans")


@pytest.mark.parametrize("size", [4, 0, 31.5, "32"])
def test_glyph_size_is_checked(size):
    with pytest.raises(ValueError, match="size is .*want a whole number of at least 8"):
        glyphs(size=size)


def test_colors_are_the_swatches_of_their_hex_codes():
    items = colors()
    assert len(items) == 949 == len(set(items.text))
    rgb = np.stack([items.factors[c] for c in ("red", "green", "blue")], 1)
    assert (items.image == rgb[:, None, None, :]).all()
    assert [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in rgb] == items.factors["hex"].tolist()
    # Names mean what they say: the mean colour of everything "… blue" is bluest in blue.
    for k, word in enumerate(("red", "green", "blue")):
        mean = rgb[[t.split()[-1] == word for t in items.text]].astype(float).mean(0)
        assert mean.argmax() == k
    items.image[0, 0, 0, 0] ^= 1  # an array of its own, not a view of something shared
    assert colors().image[0, 0, 0, 0] != items.image[0, 0, 0, 0]


def test_digits_pair_pictures_and_number_words():
    from sklearn.datasets import load_digits

    items, raw = digits(), load_digits()
    assert len(items) == 1797
    np.testing.assert_array_equal(items.label, raw.target)
    np.testing.assert_allclose((255 - items.image.astype(float)) * 16 / 255, raw.images, atol=0.05)
    assert {
        (k, en, zh) for k, en, zh in zip(items.label.tolist(), items.text, items.text_zh, strict=True)
    } >= {
        (0, "zero", "零"),
        (7, "seven", "七"),
    }
    assert len(set(zip(items.text, items.text_zh, strict=True))) == 10
