"""A page from a disk, with no network and no kernel: what every saved panel must live in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from lab import ARTEFACTS
from playwright.sync_api import Browser, Locator

PROJECTOR, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
# How a page is looked at; dark on a phone tells nothing that dark on a projector does not.
LOOKS = [(PROJECTOR, "light"), (PHONE, "light"), (PROJECTOR, "dark")]
LOOKS_BY_NAME = ["projector-light", "phone-light", "projector-dark"]
# What axe gathers about what is well takes it half of its time; style sheets it would fetch, which a disk forbids.
AXE: Any = {"preload": False, "resultTypes": ["violations"]}
IN_THE_DARK = AXE | {"runOnly": ["color-contrast"]}  # nothing else differs there


class DiskPage:
    """One page, opened by its path; whatever it asks of a network is noted and refused."""

    def __init__(self, browser: Browser, path: Path, size: Any = PROJECTOR, **context: Any) -> None:
        self.context = browser.new_context(viewport=size, offline=True, **context)
        self.page, self.name = self.context.new_page(), path.stem
        self.rules = IN_THE_DARK if context.get("color_scheme") == "dark" else AXE
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on(
            "console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("dialog", lambda d: (self.complaints.append(f"dialog {d.message}"), d.dismiss()))
        self.page.on(
            "request",
            lambda r: self.asked.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else None,
        )
        self.page.goto(path.as_uri())
        self.page.wait_for_selector(".mm-panel")

    @property
    def panel(self) -> Locator:
        return self.page.locator(".mm-panel").first

    def findings(self) -> list[str]:
        """What axe finds on the page as it stands, as lines."""
        found = Axe().run(self.page, options=self.rules).response["violations"]
        return [
            f"{v['id']}: {node['html'][:160]} {node['failureSummary']}" for v in found for node in v["nodes"]
        ]

    def too_wide(self) -> bool:
        """Whether the page can be pushed sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))

    def shot(self, name: str) -> None:
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(ARTEFACTS / f"{self.name}-{name}.png"), full_page=True)
