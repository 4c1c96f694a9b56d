"""The page as an annotator meets it: a real browser, keys and buttons, until the study is done."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from threading import Thread

import numpy as np
import pytest

from after_ray.environment import Execution
from after_ray.execution.corpus import open_corpus
from after_ray.store import PREDICTIONS_FILE
from sweeps.labelling.page import serving
from sweeps.labelling.page.batch import Batch
from sweeps.labelling.page.server import Page
from sweeps.labelling.page.serving import Samples, address_of, desks_for, running
from tests.browsing import DESKTOP, PHONE, driven
from tests.sweeps.labelling.page.conftest import truth

pytest.importorskip("selenium.webdriver")
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with driven(tmp_path_factory.mktemp("profile")) as driver:
        driver.set_window_size(*PHONE)
        yield driver


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def samples_of(begun):
    return Samples(begun.opened, str(begun.folder / "cache"))


@contextmanager
def served(begun, annotators=("ann",)):
    """The page's address for every annotator, while it is served and nobody trains."""
    port = free_port()
    desks = desks_for(Batch(begun.opened), annotators, "127.0.0.1")
    with running(Page(desks, samples_of(begun)), "127.0.0.1", port):
        yield {desk.annotator: address_of("127.0.0.1", port, token) for token, desk in desks.items()}


def state(browser, **wanted):
    """The page's state once it is idle and as wanted."""

    def reached(_):
        found = browser.execute_script("return busy ? null : state")
        return found is not None and all(found[key] == value for key, value in wanted.items()) and found

    return WebDriverWait(browser, 30, 0.02).until(reached)


def press(browser, key):
    browser.find_element(By.TAG_NAME, "body").send_keys(key)


def opened(browser, address):
    """Open an address."""
    browser.get_log("browser")
    browser.get(address)
    return state(browser)


def answer_all(browser, number):
    """Answer every clip of a round by the keys; returns how many."""
    found = state(browser, round=number, training=False)
    answered = found["answered"]
    while found["clip"] is not None:
        press(browser, str(found["classes"].index(truth(found["utterance"])) + 1))
        answered += 1
        found = state(browser, answered=answered)
    return answered


def rounds_of(store, stages):
    """By round what was acquired, measured and predicted."""
    found = []
    for stage in stages:
        record = store.need(stage.key)
        arrays = store.arrays(record, PREDICTIONS_FILE)
        found.append((record.details["acquired"], record.measures, arrays))
    return found


def test_labels_from_the_page_give_the_simulated_study_bit_for_bit(browser, begin, simulated, monkeypatch):
    monkeypatch.setattr(serving, "GRACE_SECONDS", 0.2)
    begun = begin()
    batch, port = Batch(begun.opened), free_port()
    page = Thread(
        target=serving.serve,
        args=(batch, desks_for(batch, ["ann"], "127.0.0.1"), samples_of(begun)),
        kwargs={"host": "127.0.0.1", "port": port, "train": begun.go_on},
        daemon=True,
    )
    page.start()
    while socket.socket().connect_ex(("127.0.0.1", port)):
        assert page.is_alive()
    opened(browser, address_of("127.0.0.1", port, ""))
    for number in range(2):
        assert answer_all(browser, number) > 0
    state(browser, finished=True)
    page.join(20)
    assert not page.is_alive(), "it is over when all rounds are labelled"
    (trajectory,) = simulated.plan.trajectories
    expected = rounds_of(simulated.store, trajectory.stages)
    for seen, true in zip(
        rounds_of(begun.opened.store, begun.opened.trajectory.stages), expected, strict=True
    ):
        assert seen[0] == true[0]
        assert true[1].items() <= seen[1].items()
        assert seen[2].keys() == true[2].keys()
        assert all(np.array_equal(seen[2][name], true[2][name]) for name in true[2])


def test_a_clip_plays_and_is_seen_and_its_answer_is_kept_before_the_next_plays(browser, begin):
    begun = begin()
    with served(begun) as addresses:
        first = opened(browser, addresses["ann"])
        WebDriverWait(browser, 10, 0.05).until(
            lambda _: browser.execute_script("return document.getElementById('audio').currentTime > 0")
        )
        wide, high, long = browser.execute_script(
            "const [image, audio] = [document.getElementById('picture'), document.getElementById('audio')];"
            "return [image.naturalWidth, image.naturalHeight, audio.duration]"
        )
        assert (wide, high) == (800, 320)
        audio = open_corpus(
            begun.opened.trajectory.first.audio,
            Execution(begun.opened.store.url, str(begun.folder / "cache")),
        )
        row = list(audio.manifest.table["utterance"]).index(first["utterance"])
        assert long == pytest.approx(len(audio.wave(row)) / 16_000, abs=0.001)
        browser.execute_script(
            "const native = window.fetch; window.seen = [];"
            "window.fetch = (...all) => native(...all).then((one) => {"
            "  seen.push(document.getElementById('audio').getAttribute('src')); return one; });"
        )
        before = browser.execute_script("return document.getElementById('audio').getAttribute('src')")
        press(browser, "1")
        state(browser, answered=1)
        assert browser.execute_script("return seen") == [before], "the next clip was there before the answer"
        assert begun.opened.journal.standing()[first["utterance"]]["ann"].label == "anger"
        assert browser.get_log("browser") == []


def test_undo_and_cannot_tell_have_a_key_and_everything_has_a_button_on_a_phone(browser, begin):
    begun = begin()
    browser.set_window_size(*PHONE)
    with served(begun) as addresses:
        first = opened(browser, addresses["ann"])
        press(browser, "x")
        state(browser, answered=1)
        assert begun.opened.journal.standing()[first["utterance"]]["ann"].label is None
        press(browser, "u")
        assert state(browser, answered=0)["utterance"] == first["utterance"]
        buttons = browser.find_elements(By.TAG_NAME, "button")
        assert [button.text.split()[0] for button in buttons] == ["anger", "sad", "cannot", "undo"]
        width = browser.execute_script("return document.documentElement.clientWidth")
        for button in buttons:
            assert button.rect["height"] >= 44, "too small for a finger"
            assert button.rect["x"] >= 0
            assert button.rect["x"] + button.rect["width"] <= width
        buttons[1].click()
        state(browser, answered=1)
        assert begun.opened.journal.standing()[first["utterance"]]["ann"].label == "sad"
        buttons[3].click()
        state(browser, answered=0)


def test_a_second_window_cannot_answer_over_the_first(browser, begin):
    begun = begin()
    browser.set_window_size(*DESKTOP)
    with served(begun) as addresses:
        shown = opened(browser, addresses["ann"])
        here = browser.current_window_handle
        browser.switch_to.new_window("tab")
        opened(browser, addresses["ann"])
        press(browser, "1")
        state(browser, answered=1)
        browser.close()
        browser.switch_to.window(here)
        press(browser, "2")
        after = state(browser, answered=1)
        told = browser.find_element(By.ID, "told").text
        assert "answered in another window: anger" in told
        assert after["utterance"] != shown["utterance"]
        assert begun.opened.journal.standing()[shown["utterance"]]["ann"].label == "anger"


def test_two_annotators_label_at_once_each_at_an_address_of_their_own(browser, begin):
    begun = begin(annotators=2)
    with served(begun, ("ann", "bob")) as addresses:
        for name in ("ann", "bob"):
            found = opened(browser, addresses[name])
            assert found["annotator"] == name
            assert "token" not in browser.current_url
            assert answer_all(browser, 0) == found["clips"]
        assert state(browser)["decided"]
    answers = begun.opened.journal.standing()
    assert {frozenset(said) for said in answers.values()} == {frozenset({"ann", "bob"})}
