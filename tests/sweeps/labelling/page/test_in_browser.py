"""The page as an annotator meets it: a real browser, keys and buttons, until the study is done."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from threading import Thread

import pytest

from after_ray.environment import Execution
from after_ray.execution.corpus import open_corpus
from sweeps.labelling.page import serving
from sweeps.labelling.page.batch import Batch
from sweeps.labelling.page.server import Page
from sweeps.labelling.page.serving import Samples, address_of, desks_for, running
from sweeps.planning.opening import open_study
from tests.browsing import DESKTOP, PHONE, driven
from tests.sweeps.labelling.calls import bits_of, rounds_of, run_here, study_in
from tests.sweeps.labelling.conftest import went_on

pytest.importorskip("selenium.webdriver")
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.browser
ROUNDS = 3


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with driven(tmp_path_factory.mktemp("profile")) as driver:
        driver.set_window_size(*PHONE)
        yield driver


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def samples_of(begun):
    return Samples(begun, str(begun.store.root / "cache"))


@contextmanager
def served(begun, annotators=("ann",)):
    """The page's address for every annotator, while it is served and nobody trains."""
    port = free_port()
    desks = desks_for(Batch(begun), annotators, "127.0.0.1")
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


def answer_all(browser, number, recordings):
    """Answer every clip of a round by the keys; returns how many."""
    found = state(browser, round=number, training=False)
    answered = found["answered"]
    while found["clip"] is not None:
        press(browser, str(found["classes"].index(recordings.emotion(found["utterance"])) + 1))
        answered += 1
        found = state(browser, answered=answered)
    return answered


@pytest.fixture
def simulated(recordings, tmp_path):
    """The store of the same study with an oracle that answers at once."""
    file = study_in(tmp_path, corpus={"name": "csv", "file": str(recordings.folder / "known.csv")})
    run_here([open_study(file, tmp_path / "simulated")])
    return tmp_path / "simulated"


def test_labels_from_the_page_give_the_simulated_study_bit_for_bit(
    browser, begin, recordings, simulated, monkeypatch
):
    monkeypatch.setattr(serving, "GRACE_SECONDS", 0.2)
    begun = begin()
    batch, port = Batch(begun), free_port()
    page = Thread(
        target=serving.serve,
        args=(batch, desks_for(batch, ["ann"], "127.0.0.1"), samples_of(begun)),
        kwargs={"host": "127.0.0.1", "port": port, "train": lambda: went_on(begun)},
        daemon=True,
    )
    page.start()
    while socket.socket().connect_ex(("127.0.0.1", port)):
        assert page.is_alive()
    opened(browser, address_of("127.0.0.1", port, ""))
    for number in range(ROUNDS):
        assert answer_all(browser, number, recordings) > 0
    state(browser, finished=True)
    page.join(20)
    assert not page.is_alive(), "it is over when all rounds are labelled"
    found, expected = rounds_of(begun.store.root), rounds_of(simulated)
    assert len(found) == len(expected) == ROUNDS
    for seen, true in zip(found, expected, strict=True):
        assert paths(seen) == paths(true)
        assert true.measures.items() <= seen.measures.items()
        assert bits_of(begun.store.root, seen) == bits_of(simulated, true)


def paths(record):
    """What a round acquired, whatever its corpus is called."""
    return [utterance.partition("/")[2] for utterance in record.details["acquired"]]


def test_a_clip_plays_and_is_seen_and_its_answer_is_kept_before_the_next_plays(browser, begin):
    begun = begin()
    with served(begun) as addresses:
        first = opened(browser, addresses["ann"])
        heard_and_seen = (
            "return document.getElementById('audio').currentTime > 0"
            " && document.getElementById('picture').naturalWidth > 0"
        )
        WebDriverWait(browser, 10, 0.05).until(lambda _: browser.execute_script(heard_and_seen))
        wide, high, long = browser.execute_script(
            "const [image, audio] = [document.getElementById('picture'), document.getElementById('audio')];"
            "return [image.naturalWidth, image.naturalHeight, audio.duration]"
        )
        assert (wide, high) == (800, 320)
        audio = open_corpus(
            begun.trajectory.first.audio,
            Execution(begun.store.url, str(begun.store.root / "cache")),
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
        assert begun.journal.standing()[first["utterance"]]["ann"].label == "anger"
        assert browser.get_log("browser") == []


def test_undo_and_cannot_tell_have_a_key_and_everything_has_a_button_on_a_phone(browser, begin):
    begun = begin()
    browser.set_window_size(*PHONE)
    with served(begun) as addresses:
        first = opened(browser, addresses["ann"])
        press(browser, "x")
        state(browser, answered=1)
        assert begun.journal.standing()[first["utterance"]]["ann"].label is None
        press(browser, "u")
        assert state(browser, answered=0)["utterance"] == first["utterance"]
        buttons = browser.find_elements(By.TAG_NAME, "button")
        assert [button.text.split()[0] for button in buttons] == [
            "anger",
            "happy",
            "neutral",
            "sad",
            "cannot",
            "undo",
        ]
        width = browser.execute_script("return document.documentElement.clientWidth")
        for button in buttons:
            assert button.rect["height"] >= 44, "too small for a finger"
            assert button.rect["x"] >= 0
            assert button.rect["x"] + button.rect["width"] <= width
        buttons[3].click()
        state(browser, answered=1)
        assert begun.journal.standing()[first["utterance"]]["ann"].label == "sad"
        buttons[-1].click()
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
        assert begun.journal.standing()[shown["utterance"]]["ann"].label == "anger"


def test_two_annotators_label_at_once_each_at_an_address_of_their_own(browser, begin, recordings):
    begun = begin(annotators=2)
    with served(begun, ("ann", "bob")) as addresses:
        for name in ("ann", "bob"):
            found = opened(browser, addresses[name])
            assert found["annotator"] == name
            assert "token" not in browser.current_url
            assert answer_all(browser, 0, recordings) == found["clips"]
        assert state(browser)["decided"]
    answers = begun.journal.standing()
    assert {frozenset(said) for said in answers.values()} == {frozenset({"ann", "bob"})}
