"""report.html and label.html as a reader opens them: from a disk, with the network off."""

import csv
import io

import pytest
from disk import PHONE, DiskPage
from playwright.sync_api import expect

from mmalign_nb.own import write_label_page, write_report
from tests.alignments import alignment, nasty


@pytest.fixture
def opened(browser, tmp_path):
    """Write a page and open it; afterwards nothing may have been asked for or complained about."""
    pages = []

    def open_it(found, write=write_report, **how):
        pages.append(DiskPage(browser, write(found, tmp_path / f"page-{len(pages)}.html"), **how))
        return pages[-1]

    yield open_it
    for page in pages:
        assert page.complaints == page.asked == []
        page.context.close()


def saved(page, name):
    with page.page.expect_download() as download:
        page.page.get_by_role("button", name=name).first.click()
    return download.value.path().read_bytes().decode("utf-8")


def test_line_table_and_search(opened, tmp_path):
    found = nasty()
    page = opened(found)
    here = page.page
    found.save(tmp_path / "out")
    text = saved(page, "save the matches at this line as CSV")
    # At the line of the report it is the table that lies beside it, byte by byte but for the quotes around some cells.
    beside = (tmp_path / "out" / "matches.csv").read_text(encoding="utf-8")
    assert text.startswith("\ufeff")
    assert list(csv.reader(io.StringIO(text))) == list(csv.reader(io.StringIO(beside)))
    assert not any(cell.startswith(("=", "+", "@")) for row in csv.reader(io.StringIO(text)) for cell in row)
    box = here.get_by_label("threshold, exact value")
    box.fill("0.5")
    box.press("Enter")
    kept = int((found.scores[found.open] >= 0.5).sum())
    expect(here.locator(".rp-where")).to_contain_text(
        f"{kept} of 14 matches of items without a given partner"
    )
    expect(here.locator(".rp-where")).to_contain_text("is promised for 0.3")
    rows = list(
        csv.DictReader(
            io.StringIO(saved(page, "save the matches at this line as CSV").removeprefix("\ufeff"))
        )
    )
    assert sum(row["kept"] == "True" for row in rows) == (found.scores >= 0.5).sum() > 0
    here.get_by_role("button", name="back to the line of this report").click()
    assert box.input_value() == "0.30"
    search = here.get_by_role("searchbox", name="search pictures and captions")
    search.fill("GNP.EXE")
    cards = here.locator("[data-live=search] .mm-card")
    expect(cards).to_have_count(8)
    expect(cards.first).to_contain_text("gnp.exe")
    here.get_by_role("button", name="other captions for picture").first.click()
    expect(here.locator("[data-live=search] [role=status]")).to_contain_text("fits picture")
    search.fill("no such words")
    expect(cards).to_have_count(0)
    assert here.locator("img").count() == 1  # the still picture of the panel: no name became one
    assert page.findings() == []


def test_sounds_on_a_phone_in_the_dark(opened):
    page = opened(alignment(kind="audio"), size=PHONE, color_scheme="dark")
    page.page.get_by_role("searchbox", name="search sounds").fill("word3")
    page.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert page.findings() == []
    assert not page.too_wide()
    page.shot("sounds-phone-dark")


def test_pairs_are_answered_by_keyboard_and_saved(opened, tmp_path):
    found = alignment(120, 20)
    page = opened(found, write_label_page, size=PHONE, color_scheme="dark")
    page.page.locator(".mm-stage").focus()
    for key in "yn?":
        page.page.keyboard.press(key)
    assert page.findings() == []
    assert not page.too_wide()
    place = tmp_path / "labels.csv"
    place.write_text(saved(page, "save the answers as CSV"), encoding="utf-8")
    again = type(found.labelling()).resume(
        place, found.labelling().pool
    )  # what `label DIR --answers FILE` reads
    assert [right for _, right in again.asked] == [True, False, None]
