"""The page of a report as a person meets it: in a real browser, from a file, without a network."""

from __future__ import annotations

import dataclasses
import re

import pytest

from analysis.report import write_report
from analysis.study import StudyInfo
from tests.browsing import DESKTOP, PHONE, driven

pytest.importorskip("selenium.webdriver")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

pytestmark = pytest.mark.browser

STUDY = StudyInfo(
    name="seen <in> a browser",
    description="Known & small.",
    methods=("We did it.",),
    settings_yaml="study: x\n",
)


def score(strategy, percent, fold, seed):
    gain = {"random": 0.0, "entropy": 0.15, "margin": 0.1}[strategy] if percent > 1 else 0.0
    return 0.4 + 0.1 * fold + 0.05 * seed + gain


@pytest.fixture(scope="module")
def report(tmp_path_factory, study_maker):
    folder = tmp_path_factory.mktemp("browser")
    results = study_maker(folder)(score, strategies=("random", "entropy", "margin")).results
    return write_report(STUDY, results, folder / "report")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with driven(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def page(browser, report):
    """The page freshly opened on a desktop; whatever a test did, the console must have stayed silent."""
    browser.set_window_size(*DESKTOP)
    browser.get_log("browser")
    browser.get(report.page.as_uri())
    yield browser
    assert browser.get_log("browser") == []


def table(page, title):
    return page.find_element(By.XPATH, f"//figure[.//h3[text()='{title}']]//table")


def column(found, number):
    return [
        row.find_elements(By.CSS_SELECTOR, "th, td")[number].text
        for row in found.find_elements(By.CSS_SELECTOR, "tbody tr")
    ]


def test_the_page_opens_from_a_file_and_asks_nobody_for_anything(page, report):
    assert page.current_url.startswith("file://")
    assert page.find_element(By.TAG_NAME, "h1").text == "seen <in> a browser"
    asked = page.execute_script("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert asked == []


def test_a_press_on_a_heading_sorts_by_number_and_a_third_brings_the_order_back(page):
    scores = table(page, "UA by labelled share of train")
    assert column(scores, 0) == ["random", "entropy", "margin"]
    heading = scores.find_elements(By.CSS_SELECTOR, "thead th")[2]
    button = heading.find_element(By.TAG_NAME, "button")
    button.click()
    assert column(scores, 0) == ["random", "margin", "entropy"]
    assert heading.get_attribute("aria-sort") == "ascending"
    button.click()
    assert column(scores, 0) == ["entropy", "margin", "random"]
    button.click()
    assert column(scores, 0) == ["random", "entropy", "margin"]
    assert heading.get_attribute("aria-sort") is None


def test_names_sort_as_words(page):
    scores = table(page, "UA by labelled share of train")
    scores.find_element(By.CSS_SELECTOR, "thead th button").click()
    assert column(scores, 0) == ["entropy", "margin", "random"]


def drawn(page, series):
    """What is drawn of a series in both pictures, and is not hidden."""
    found = page.find_elements(By.CSS_SELECTOR, f'svg [data-series="{series}"]')
    return [one for one in found if one.value_of_css_property("display") != "none"]


def test_a_press_in_the_legend_hides_a_series_in_all_pictures(page):
    key = page.find_element(By.XPATH, "//ul[@class='legend']//button[contains(., 'entropy')]")
    series = key.get_attribute("data-key")
    assert len(drawn(page, series)) == 3  # a line and a band of the curves, a line of the time
    key.click()
    assert drawn(page, series) == []
    assert key.get_attribute("aria-pressed") == "false"
    others = [one for one in ("0", "1", "2") if one != series]
    assert all(len(drawn(page, other)) == 3 for other in others)
    key.click()
    assert len(drawn(page, series)) == 3


def tip_at(page, mark):
    ActionChains(page).move_to_element(mark).perform()
    return page.find_element(By.CSS_SELECTOR, '.picture[data-points="curves"] .tip')


def test_the_pointer_is_told_the_numbers_of_the_point_below_it(page):
    line = page.find_element(By.CSS_SELECTOR, '.picture[data-points="curves"] .line[data-series="1"]')
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", line)
    marks = line.find_elements(By.TAG_NAME, "use")
    assert len(marks) == 3
    tip = tip_at(page, marks[1])
    assert tip.is_displayed()
    name, numbers = tip.text.splitlines()
    assert name == "entropy"
    assert re.fullmatch(
        r"UA 67\.5 % \(6\d\.\d to \d\d\.\d\) at 5 %, 20 labelled and 40 validation utterances", numbers
    )
    assert "at 10 %, 40 labelled and 40 validation utterances" in tip_at(page, marks[2]).text
    ActionChains(page).move_to_element(page.find_element(By.TAG_NAME, "h1")).perform()
    assert not tip.is_displayed()


def test_a_hidden_series_does_not_answer(page):
    line = page.find_element(By.CSS_SELECTOR, '.picture[data-points="curves"] .line[data-series="1"]')
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", line)
    mark = line.find_elements(By.TAG_NAME, "use")[2]
    place = page.execute_script("const b = arguments[0].getBoundingClientRect(); return [b.x, b.y]", mark)
    page.find_element(By.XPATH, "//ul[@class='legend']//button[contains(., 'entropy')]").click()
    mouse = ActionChains(page)
    mouse.w3c_actions.pointer_action.move_to_location(*map(int, place))
    mouse.perform()
    tip = page.find_element(By.CSS_SELECTOR, '.picture[data-points="curves"] .tip')
    assert "entropy" not in tip.text


def test_nothing_is_wider_than_a_phone(page):
    page.set_window_size(*PHONE)
    wide, visible = page.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= visible


def background(page):
    return page.execute_script("return getComputedStyle(document.body).backgroundColor")


def test_dark_mode_is_followed_and_text_keeps_its_contrast(page):
    assert background(page) == "rgb(255, 255, 255)"
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    try:
        assert background(page) == "rgb(22, 24, 28)"
        ratios = page.execute_script(CONTRAST)
        assert min(ratios.values()) >= 4.5, ratios
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert min(page.execute_script(CONTRAST).values()) >= 4.5


CONTRAST = """
const light = (text) => {
  const parts = text.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255);
  const [r, g, b] = parts.map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = light(getComputedStyle(document.body).backgroundColor);
const found = {};
for (const name of ["body", ".note", "nav a", "thead th", ".legend button", "svg text"]) {
  const own = getComputedStyle(document.querySelector(name));
  const front = light(name === "svg text" ? own.fill : own.color);
  found[name] = (Math.max(front, behind) + 0.05) / (Math.min(front, behind) + 0.05);
}
return found;
"""


def test_without_scripts_everything_is_there(report, browser):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(report.page.as_uri())
        text = browser.find_element(By.TAG_NAME, "body").text
        assert "entropy" in text
        assert "Learning curves" in text
        assert len(browser.find_elements(By.CSS_SELECTOR, "svg[role=img]")) == 3
        assert browser.find_elements(By.CSS_SELECTOR, ".copy") != []
        assert not any(one.is_displayed() for one in browser.find_elements(By.CSS_SELECTOR, ".copy"))
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_the_methods_are_copied_or_selected(page):
    button = page.find_element(By.CSS_SELECTOR, '.copy[data-from="methods-text"]')
    button.click()
    assert "We did it." in page.execute_script("return getSelection().toString()")


def test_print_leaves_out_what_only_a_screen_can_use(page):
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert not page.find_element(By.TAG_NAME, "nav").is_displayed()
        assert page.find_element(By.CSS_SELECTOR, ".legend").is_displayed()
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_page_of_unfinished_results_is_silent_too(browser, study_maker, tmp_path):
    results = study_maker(tmp_path)(score, left_out=lambda *cell: cell[2] == 1).results
    study = dataclasses.replace(STUDY, name="ragged")
    browser.get_log("browser")
    browser.get(write_report(study, results, tmp_path / "report").page.as_uri())
    assert "cells are missing" in browser.find_element(By.CSS_SELECTOR, ".alarm").text
    assert browser.get_log("browser") == []
