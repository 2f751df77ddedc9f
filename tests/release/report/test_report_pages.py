"""The pages in a real browser: wide and narrow, light and dark, printed, offline, and with hostile values."""

import itertools
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from release.model import Event, Status
from release.report import page as pages
from release.report.numbers import numbers
from release.report.plots import NARROW, WIDE
from release.report.release_plots import place
from release.report.timeline import decisions
from tests.release.report.chromium import HOW, find
from tests.release.report.samples import START, at, canary, measured, release
from tests.release.report.test_report_texts import HOSTILE, hostile, month

LATER = START + timedelta(hours=1)
LOOKS = list(itertools.product((1280, 390), ("light", "dark")))

OVERFLOW = """() => {
  const wide = document.documentElement.clientWidth;
  const out = [...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll, svg, thead') &&
    e.getBoundingClientRect().right > wide + 0.5).map(e => e.tagName + '.' + e.className);
  return [document.documentElement.scrollWidth - wide, out];
}"""
PLOTS = """() => [...document.querySelectorAll('figure svg')].map(e => e.getBoundingClientRect())
  .filter(b => b.width > 0).map(b => [Math.round(b.width), Math.round(b.height)])"""
LABELS = """() => [...document.querySelectorAll('figure svg .decision text')]
  .map(e => [e.getBoundingClientRect(), e.textContent])
  .filter(([b]) => b.width > 0).map(([b, t]) => [t, b.left, b.top, b.right, b.bottom])"""
CONTRAST = """() => {
  const part = c => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const numbers = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = numbers(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return numbers(getComputedStyle(document.documentElement).backgroundColor);
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !e.getClientRects().length || e.closest('title, desc')) continue;
    const style = getComputedStyle(e);
    const ink = numbers(e.closest('svg') ? style.fill : style.color);
    const [a, b] = [light(ink), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push([walk.currentNode.textContent.trim().slice(0, 40), ratio]);
  }
  return found;
}"""
FOREIGN = """() => [
  ...[...document.querySelectorAll('script, img, iframe, object, embed, link, form, base, a')].map(e => e.tagName),
  ...[...document.querySelectorAll('*')].flatMap(e => [...e.attributes].filter(a => a.name.startsWith('on') ||
    (a.name.endsWith('href') && !a.value.startsWith('#')) || a.name === 'src').map(a => e.tagName + ' ' + a.name)),
]"""
REFERENCES = """() => {
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  const wanted = [...document.querySelectorAll('[aria-labelledby]')]
    .flatMap(e => e.getAttribute('aria-labelledby').split(' '));
  const uses = [...document.querySelectorAll('use')].map(e => e.getAttribute('href').slice(1));
  return [ids.filter((id, i) => ids.indexOf(id) !== i), [...wanted, ...uses].filter(id => !ids.includes(id))];
}"""


def html(name: str) -> str:
    match name:
        case "release":
            return pages.release_page(canary(), measured(), now=LATER)
        case "hostile":
            spoilt = hostile().model_copy(update={"reason": HOSTILE * 3, "remedy": "x" * 500})
            return pages.release_page(spoilt, measured(), now=LATER)
        case "begun":
            one = release("1", START, minutes=None, status=Status.IN_PROGRESS, traffic=False, done=0)
            return pages.release_page(one, (), now=START)
        case "numbers":
            return pages.numbers_page(month())
        case _:
            return pages.numbers_page(numbers([], stack="x" * 300, since=at(0), until=at(1)))


NAMES = ("release", "hostile", "begun", "numbers", "empty")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = find()
    if program is None:
        pytest.skip(HOW)
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=str(program), args=["--no-sandbox"])
        yield made
        made.close()


class Opened:
    """A page in the browser, with all that it asked for and complained about."""

    def __init__(self, browser: Browser, file: Path, width: int, scheme: Any) -> None:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page: Page = context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        self.page.goto(file.as_uri())
        for summary in self.page.locator("summary").all():
            summary.click()
        self.page.evaluate("window.scrollTo(0, 0)")


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=LOOKS, ids=lambda look: f"{look[0]}-{look[1]}")
def look(request: pytest.FixtureRequest) -> tuple[int, str]:
    width, scheme = request.param
    return int(width), str(scheme)


@pytest.fixture
def opened(browser: Browser, name: str, look: tuple[int, str], tmp_path: Path) -> Iterator[Opened]:
    file = tmp_path / f"{name}.html"
    file.write_text(html(name), encoding="utf-8")
    made = Opened(browser, file, *look)
    picture = tmp_path / f"{name}-{look[0]}-{look[1]}.png"
    made.page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 10_000
    assert made.requests == [file.as_uri()]
    yield made
    assert made.complaints == []
    made.page.context.close()


def overlap(one: list[Any], other: list[Any]) -> float:
    """How much of the smaller box the other covers, 0-1."""
    width = min(one[3], other[3]) - max(one[1], other[1])
    height = min(one[4], other[4]) - max(one[2], other[2])
    smaller = min((box[3] - box[1]) * (box[4] - box[2]) for box in (one, other))
    return float(max(0.0, width) * max(0.0, height) / smaller)


def test_it_is_whole_legible_and_alone(opened: Opened, look: tuple[int, str], name: str) -> None:
    page = opened.page
    assert page.evaluate(OVERFLOW) == [0, []]
    boxes = page.evaluate(PLOTS)
    assert [(width > look[0] * 0.75, height > 300) for width, height in boxes] == [(True, True)] * (name != "begun")
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate(FOREIGN) == []
    assert page.evaluate(REFERENCES) == [[], []]
    labels = page.evaluate(LABELS)
    if name == "release":
        assert len(labels) == len(decisions(canary())) == 18
    assert [pair for pair in itertools.combinations(labels, 2) if overlap(*pair) > 0.1] == []


@pytest.mark.parametrize("name", ["release", "numbers"], indirect=True)
@pytest.mark.parametrize("look", [(720, "dark")], indirect=True, ids=["print"])
def test_on_paper_it_is_dark_on_white_and_has_the_wide_plot(opened: Opened) -> None:
    page = opened.page
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert page.evaluate(OVERFLOW) == [0, []]
    assert page.locator("figure .wide").is_visible()
    assert not page.locator("figure .narrow").is_visible()


@pytest.mark.parametrize("look", [(1280, "light")], indirect=True, ids=["wide"])
@pytest.mark.parametrize("name", ["release"], indirect=True)
def test_who_cannot_see_the_plots_gets_their_words_and_their_figures(opened: Opened) -> None:
    image = opened.page.locator("figure .wide svg")
    assert image.get_attribute("role") == "img"
    assert image.locator("> title").text_content() == "Release 20261124-103000-k3f9 over time"
    assert image.locator("> desc").text_content() == (
        "Three plots over the release's time. green got at most 50 % of the requests. "
        "Highest error ratio of blue: 0.1 %. Highest 95th percentile of blue's latency: 158 ms. "
        "Highest error ratio of green: 6.1 %. Highest 95th percentile of green's latency: 531 ms. "
        "The same figures are in the table below."
    )
    rows = opened.page.locator("section[aria-labelledby=measured] tbody tr")
    assert rows.count() == pages.MOMENTS
    assert rows.first.inner_text().split("\t") == ["0:00", "green 0 %", "0.1 %, 129 ms", "–", "0.1 %, 60 ms", "–"]
    assert rows.last.locator("th").inner_text() == "13:10"
    steps = opened.page.get_by_role("row").filter(has_text="watch at 50 %")
    assert steps.get_by_role("cell").nth(0).inner_text() == "✕ failed"


def test_the_same_release_is_the_same_page_to_the_byte(name: str) -> None:
    assert html(name) == html(name)


def test_it_holds_nothing_of_the_machine_it_was_made_on(name: str) -> None:
    text = html(name)
    assert re.findall(r"https?://(?!www\.w3\.org/|evil\.example)", text) == []
    assert [
        word for word in ("matplotlib", "Matplotlib", "DejaVu Sans Display", "#0101fe", "<script") if word in text
    ] == []
    assert "default-src 'none'" in text


def test_a_label_is_text_and_no_formula() -> None:
    odd = Event(at=START, kind="begin", text="", step="$x^2$ <b>")
    one = canary().model_copy(update={"events": (odd,)})
    drawn = re.findall(r"<svg.*?</svg>", pages.release_page(one, measured(), now=LATER), re.S)
    assert [svg.count(">1 $x^2$ &lt;b&gt;</text>") for svg in drawn if 'viewBox="0 0 1080' in svg] == [1]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=lambda size: size.name)
def test_labels_find_a_place_or_become_a_number(size: Any) -> None:
    crowd = decisions(canary()) * 12
    labels = place(crowd, start=START, span=790.0, width=size.width - 66, size=size)
    assert 18 <= len(labels) < len(crowd)
    assert {label.text for label in labels} >= {"1" if size is NARROW else "1 check"}
    assert max(label.level for label in labels) == 8
