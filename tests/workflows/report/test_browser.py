"""A report in a real browser: nothing in the console, nothing from the network, and what a click does.

Needs playwright, and the system's Chromium: Debian's package, no download of playwright's own.
"""

import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed to click with")
    if CHROMIUM is None:
        pytest.skip("no chromium is installed to look at the page")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@contextmanager
def shown(browser, page, width=1400, dark=False):
    """The page in a window; whatever the console or the network hears of it is a failure."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
    )
    view, said, asked = context.new_page(), [], []
    view.on("console", lambda message: said.append(message.text))
    view.on("pageerror", lambda error: said.append(str(error)))
    view.on("request", lambda request: asked.append(request.url))
    view.goto(page.as_uri())
    yield view
    context.close()
    assert said == []
    assert {url.split(":")[0] for url in asked} <= {"file", "data"}


@pytest.fixture(scope="module")
def view(browser, page):
    with shown(browser, page) as found:
        yield found


def section(view, title):
    return view.locator("section", has=view.get_by_role("heading", name=title, exact=True, level=2))


@pytest.mark.parametrize(("width", "dark"), [(1400, False), (1400, True), (400, False), (400, True)])
def test_it_fits_and_has_the_colours_of_the_hour(browser, page, width, dark):
    with shown(browser, page, width, dark) as view:
        assert view.evaluate("document.documentElement.scrollWidth") <= width
        paper = view.evaluate("getComputedStyle(document.body).backgroundColor")
        ink = view.evaluate("getComputedStyle(document.querySelector('svg text')).fill")
        brightness = [sum(map(int, colour.strip("rgb()").split(","))) for colour in (paper, ink)]
        assert (brightness[0] < brightness[1]) == dark
        assert view.locator("svg").count() > 10


def test_a_table_is_sorted_by_a_click(view):
    table = section(view, "better").locator("table.sorts").first
    head = table.locator("th", has_text="recall").first
    column = head.evaluate("cell => cell.cellIndex")

    def figures():
        return [float(text.strip("%")) for text in table.locator(f"td:nth-child({column + 1})").all_inner_texts()]

    head.get_by_role("button").click()
    assert figures() == sorted(figures(), reverse=True)
    assert head.get_attribute("aria-sort") == "descending"
    head.get_by_role("button").click()
    assert figures() == sorted(figures())
    table.locator("th", has_text="class").get_by_role("button").click()
    assert table.locator("td.name").all_inner_texts() == ["lift", "rest", "spread"]


def marked(place):
    """Names of the classes that stand in a section, of what is to be seen."""
    seen = "all => all.filter((each) => each.checkVisibility()).map((each) => each.dataset.class)"
    return place.locator("[data-class]").evaluate_all(seen)


def test_a_class_is_filtered_by_a_click_and_by_its_name(view):
    place = section(view, "out")
    place.locator("summary", has_text="As a table").click()
    assert set(marked(place)) == {"lift", "rest", "spread"}
    place.locator("tr[data-class=rest]").get_by_role("button").click()
    assert set(marked(place)) == {"rest"}
    assert place.locator("figure[data-class]").evaluate_all("all => all.some(each => each.checkVisibility())")
    place.locator("tr[data-class=rest]").get_by_role("button").click()
    assert set(marked(place)) == {"lift", "rest", "spread"}
    place.locator("input[type=search]").fill("S")
    assert set(marked(place)) == {"rest", "spread"}
    place.locator("input[type=search]").fill("nothing")
    assert marked(place) == []
    place.locator("input[type=search]").fill("")


def test_a_filter_is_its_sections_own(view):
    place, other = section(view, "poor"), section(view, "better")
    before = marked(other)
    place.locator("input[type=search]").fill("nothing")
    assert marked(place) == []
    assert marked(other) == before
    place.locator("input[type=search]").fill("")


def test_a_mistake_is_found_by_its_truth_and_by_what_was_said(view):
    place = section(view, "poor")
    mistake = place.locator("figure[data-class]").first
    truth, said = mistake.get_attribute("data-class").split("\n")
    for name in (truth, said):
        place.locator("input[type=search]").fill(name)
        assert mistake.is_visible()
    (other,) = {"lift", "rest", "spread"} - {truth, said}
    place.locator("input[type=search]").fill(other)
    assert not mistake.is_visible()
    place.locator("input[type=search]").fill("")


def test_a_window_is_played_and_stopped_by_a_click(view):
    player = section(view, "out").locator(".player").first
    told = player.locator("output")
    before = told.inner_text()
    player.get_by_role("button", name="play").click()
    view.wait_for_function(
        "([output, before]) => output.textContent !== before && Number(output.textContent) > 0",
        arg=[told.element_handle(), before],
    )
    player.get_by_role("button", name="pause").click()
    stopped = told.inner_text()
    view.wait_for_timeout(300)
    assert told.inner_text() == stopped


def test_all_windows_play_and_stop_together(view):
    place = section(view, "out")
    place.get_by_role("button", name="play all").first.click()
    playing = place.locator(".controls").get_by_role("button", name="pause")
    assert playing.count() > 1
    place.get_by_role("button", name="stop all").first.click()
    assert playing.count() == 0


def test_a_frame_is_chosen_by_the_slider(view):
    player = section(view, "out").locator(".player").first
    strokes = [frame.split("|") for frame in player.get_attribute("data-strokes").split(";")]
    for at in (0, 29, 7):
        player.locator("input").fill(str(at))
        drawn = player.locator("path").evaluate_all("paths => paths.map((path) => path.getAttribute('d'))")
        assert drawn == strokes[at]


def test_without_script_all_is_there(browser, page):
    context = browser.new_context(java_script_enabled=False)
    view = context.new_page()
    view.goto(page.as_uri())
    assert view.locator(".player path[d^=M]").count() > 0
    assert not view.locator(".controls").first.is_visible()
    assert not view.locator(".filter").first.is_visible()
    context.close()
