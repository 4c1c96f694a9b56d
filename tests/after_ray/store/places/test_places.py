"""What every place promises: a folder, a bucket in memory, of S3 (a server) and of Google (a stand-in)."""

from __future__ import annotations

import errno
import hashlib
import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import GenericError, PermissionDeniedError
from obstore.store import GCSStore, MemoryStore, S3Store

from after_ray.store.outage import Outage, outage_in
from after_ray.store.places import Folder, Place, place_of
from after_ray.store.places.bucket import SILENCE, Bucket, _profile
from after_ray.store.places.bucket import _told as told
from after_ray.store.places.errors import UnfitPlace
from tests.after_ray.store.places.gcs import Objects, gcs_stand_in
from tests.s3 import BUCKET, S3Server, s3_server


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def gcs() -> Iterator[Objects]:
    with gcs_stand_in() as server:
        yield server


def on_gcs(server: Objects) -> Bucket:
    return Bucket(
        "gs://speech", GCSStore("speech", config=server.config, client_options={"allow_http": True})
    )


@pytest.fixture(params=["folder", "memory", "s3", "gcs"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return Folder(tmp_path / "store")
    if request.param == "memory":
        return Bucket("s3://memory", MemoryStore())
    if request.param == "s3":
        request.getfixturevalue("s3")
        return place_of(f"s3://{BUCKET}/{tmp_path.name}")
    return on_gcs(request.getfixturevalue("gcs"))


def test_a_file_is_created_once(place: Place) -> None:
    assert place.create("ledger/ab/one.json", b"first")
    assert not place.create("ledger/ab/one.json", b"second")
    assert place.read("ledger/ab/one.json") == b"first"
    place.remove("ledger/ab/one.json")
    assert place.create("ledger/ab/one.json", b"third"), "what was removed may be created again"


def test_a_file_is_replaced_and_removed(place: Place) -> None:
    place.write("a/one", b"first")
    place.write("a/one", b"second")
    assert (place.read("a/one"), place.size("a/one")) == (b"second", 6)
    place.remove("a/one")
    place.remove("a/one")
    assert place.size("a/one") is None


def test_a_file_that_is_not_there_is_told_by_its_whole_name(place: Place, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as read:
        place.read("a/none")
    assert read.value.errno == errno.ENOENT
    assert str(read.value.filename) == place.told("a/none")
    with pytest.raises(FileNotFoundError):
        place.fetch("a/none", tmp_path / "copy")
    with pytest.raises(FileNotFoundError):
        place.sha256("a/none")


def test_files_are_sent_and_fetched_whole(place: Place, tmp_path: Path) -> None:
    data = os.urandom(1_000_003)
    (tmp_path / "here").write_bytes(data)
    place.send(tmp_path / "here", "artifacts/ab/x/model")
    place.fetch("artifacts/ab/x/model", tmp_path / "there")
    assert (tmp_path / "there").read_bytes() == data
    assert place.sha256("artifacts/ab/x/model") == hashlib.sha256(data).hexdigest()


def test_listings_tell_files_and_folders(place: Place) -> None:
    for name in ("ledger/ab/1.json", "ledger/cd/2.json", "ledger/cd/2.json.damaged-1", "ledgers/3.json"):
        place.write(name, b"{}")
    assert place.json_files("ledger") == ["ledger/ab/1.json", "ledger/cd/2.json"]
    assert {(found.name, found.bytes) for found in place.files("ledger/cd")} == {
        ("ledger/cd/2.json", 2),
        ("ledger/cd/2.json.damaged-1", 2),
    }
    assert place.folders("ledger") == ["ab", "cd"]
    assert (place.folders("none"), list(place.files("none"))) == ([], [])
    assert sorted(place.below("ledger").names("ab")) == ["ab/1.json"]


def test_a_folder_is_removed_and_its_neighbour_stays(place: Place) -> None:
    for name in ("artifacts/ab/x/one", "artifacts/ab/x/two", "artifacts/ab/xy/three"):
        place.write(name, b"1")
    place.remove_folder("artifacts/ab/x")
    assert list(place.names("artifacts")) == ["artifacts/ab/xy/three"]


def test_a_file_is_taken_away_under_another_name(place: Place) -> None:
    place.write("ledger/ab/1.json", b"damaged")
    assert place.take_away("ledger/ab/1.json", "ledger/ab/1.json.damaged-1")
    assert not place.take_away("ledger/ab/1.json", "ledger/ab/1.json.damaged-2")
    assert list(place.names("ledger")) == ["ledger/ab/1.json.damaged-1"]


def test_a_probe_leaves_nothing(place: Place) -> None:
    place.probe(room=1 << 12)
    assert list(place.files()) == []


def race(
    url: str, number: int, begin: Callable[[], int], won: multiprocessing.Queue[tuple[int, int]]
) -> None:
    place = place_of(url)
    begin()
    for name in range(20):
        if place.create(f"ledger/{name}.json", f"of {number}".encode()):
            won.put((name, number))


def test_of_two_processes_one_creates_each_object(s3: S3Server, tmp_path: Path) -> None:
    url = f"s3://{BUCKET}/{tmp_path.name}"
    spawn = multiprocessing.get_context("spawn")
    barrier, won = spawn.Barrier(2), spawn.Queue()
    both = [spawn.Process(target=race, args=(url, n, barrier.wait, won)) for n in range(2)]
    for process in both:
        process.start()
    winners = sorted(won.get(timeout=60) for _ in range(20))
    for process in both:
        process.join(60)
        assert process.exitcode == 0
    assert won.empty()
    assert [name for name, _ in winners] == list(range(20))
    for name, number in winners:
        assert place_of(url).read(f"ledger/{name}.json") == f"of {number}".encode()


def test_google_is_asked_for_generation_0(gcs: Objects) -> None:
    on_gcs(gcs).create("ledger/1.json", b"one")
    assert gcs.asked[-1][2]["x-goog-if-generation-match"] == "0"


def test_a_server_that_does_not_know_the_condition_is_refused(gcs: Objects) -> None:
    gcs.conditional = False
    with pytest.raises(UnfitPlace, match="gs://speech: its server lets a second object replace the first"):
        on_gcs(gcs).probe()
    assert gcs.held == {}


def test_a_put_of_ones_own_whose_answer_was_lost_counts_as_done(s3: S3Server, tmp_path: Path) -> None:
    """A client that sends the same bytes again finds them there, and they are its own."""
    place = place_of(f"s3://{BUCKET}/{tmp_path.name}")
    assert place.create("ledger/1.json", b"mine")
    assert place.create("ledger/1.json", b"mine")
    assert not place.create("ledger/1.json", b"another's")


def test_a_bucket_that_does_not_exist_and_one_without_credentials_are_told(s3: S3Server) -> None:
    with pytest.raises(UnfitPlace, match="s3://nobody-has-it/x: there is no such bucket"):
        place_of("s3://nobody-has-it/x").probe()
    asked = "Error performing PUT http://169.254.169.254/latest/api/token in 1 ms - error sending request"
    with pytest.raises(PermissionError, match=r"no credentials were found.*s3://lab/x"), told("s3://lab/x"):
        raise GenericError(asked)


def test_a_refused_access_is_told_as_one() -> None:
    with pytest.raises(PermissionError, match="s3://lab/x"), told("s3://lab/x"):
        raise PermissionDeniedError("the policy says no")


def test_a_file_is_taken_away_only_once_it_is_kept_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Bucket("s3://lab", MemoryStore())
    place.create("ledger/1.json", b"one")

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(obstore, "copy", killed)
    with pytest.raises(KeyboardInterrupt):
        place.take_away("ledger/1.json", "ledger/1.json.aside")
    assert place.read("ledger/1.json") == b"one"


def test_what_others_remove_meanwhile_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    place, delete = Bucket("s3://lab", MemoryStore()), obstore.delete
    for name in "abc":
        place.create(f"ray/{name}", b"1")

    def gone_first(objects: object, paths: str | list[str]) -> None:
        if isinstance(paths, list):
            delete(objects, "ray/a")
            raise FileNotFoundError("ray/a")
        delete(objects, paths)

    monkeypatch.setattr(obstore, "delete", gone_first)
    place.remove_folder("ray")
    assert list(place.files("ray")) == []


def test_each_address_has_a_folder_of_its_own_on_a_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTER_RAY_CACHE", str(tmp_path))
    one, other = (Bucket(f"s3://lab/{name}", MemoryStore()).local for name in "ab")
    assert one != other
    assert one.is_relative_to(tmp_path)


def test_keys_that_aws_configure_wrote_are_used(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    (tmp_path / ".aws").mkdir()
    keys = "[default]\naws_access_key_id = of-the-profile\naws_secret_access_key = x\n"
    (tmp_path / ".aws/credentials").write_text(keys)
    (tmp_path / ".aws/config").write_text("[default]\nregion = us-east-1\n")
    place = Bucket(f"s3://{BUCKET}/{tmp_path.name}")
    assert place.create("ledger/1.json", b"one")
    assert place.read("ledger/1.json") == b"one"
    (tmp_path / ".aws/credentials").unlink()
    assert _profile() == {}


def test_a_bucket_that_is_gone_is_an_outage_of_its_store_alone() -> None:
    with s3_server() as server:
        place = place_of(f"s3://{BUCKET}/gone-{server.port}")
        place.probe()
        server.kill()
        with pytest.raises(OSError, match=f"s3://{BUCKET}/gone") as gone:
            Bucket(place.url).read("ledger/1.json")
    assert gone.value.errno == errno.EIO
    assert outage_in(gone.value, place.url) == "the bucket's server cannot be reached"
    assert outage_in(gone.value, f"s3://{BUCKET}/other") is None


def test_a_bucket_that_does_not_answer_is_told_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        objects = S3Store(
            "lab",
            endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}",
            region="us-east-1",
            skip_signature=True,
            client_options={"read_timeout": "100ms", "allow_http": True},
            retry_config={"max_retries": 0},
        )
        with pytest.raises(OSError, match=r"s3://lab/ledger/1\.json") as hung:
            Bucket("s3://lab", objects).read("ledger/1.json")
    told = Outage("s3://lab").noticed(hung.value)
    assert f"s3://lab cannot be used (the bucket did not answer within {SILENCE} seconds, or not" in str(told)


@pytest.mark.parametrize(
    "named",
    ["http://host/x", "hdfs://host/x", "s3://", "gs:///", "gs:///prefix", "s3:/bucket/x", "gs:bucket/x"],
)
def test_addresses_of_no_bucket_are_refused(named: str) -> None:
    with pytest.raises(UnfitPlace, match=r"allowed:.*s3://bucket/prefix"):
        place_of(named)
