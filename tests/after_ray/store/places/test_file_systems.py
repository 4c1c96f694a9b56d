"""Which file systems a store may lie on, by made-up mount tables and by links that are refused."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from after_ray.store.places import Folder, file_systems, folder
from after_ray.store.places.errors import UnfitPlace
from after_ray.store.places.file_systems import file_system_of, why_unfit


def mounts(tmp_path: Path, **points: str) -> Path:
    """A mount table: the root is ext4, folders of `tmp_path` are what `points` say."""
    lines = ["22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"]
    for number, (name, kind) in enumerate(points.items(), 30):
        point = tmp_path / name.replace("_", "\\040")
        lines.append(f"{number} 22 0:{number} / {point} rw,nosuid shared:2 master:3 - {kind} {kind} rw")
    table = tmp_path / "mountinfo"
    table.write_text("\n".join(lines) + "\n")
    return table


def test_the_deepest_mount_point_tells(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    table = mounts(root, data="nfs4", **{"data/bucket": "fuse.s3fs", "data/my_disk": "xfs"})
    assert file_system_of(root / "other", table) == "ext4"
    assert file_system_of(root / "data" / "store" / "new", table) == "nfs4"
    assert file_system_of(root / "database", table) == "ext4", "a name that only begins alike"
    assert file_system_of(root / "data" / "bucket" / "store", table) == "fuse.s3fs"
    assert file_system_of(root / "data" / "my disk", table) == "xfs", "a blank in the mount point"


def test_a_later_mount_hides_an_earlier_one_on_the_same_point(tmp_path: Path) -> None:
    table = mounts(tmp_path.resolve(), data="ext4")
    with table.open("a") as file:
        file.write(f"40 22 0:40 / {tmp_path.resolve()}/data rw - cifs //host/share rw\n")
    assert file_system_of(tmp_path / "data", table) == "cifs"


def test_a_link_is_followed_to_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    (tmp_path / "store").symlink_to(tmp_path / "bucket")
    table = mounts(tmp_path.resolve(), bucket="fuse.gcsfuse")
    assert file_system_of(tmp_path / "store", table) == "fuse.gcsfuse"


def test_a_system_without_a_mount_table_tells_nothing(tmp_path: Path) -> None:
    assert file_system_of(tmp_path, tmp_path / "none") is None
    assert why_unfit(None) is None


@pytest.mark.parametrize(
    "kind",
    [
        "fuse.s3fs",
        "fuse.gcsfuse",
        "fuse.rclone",
        "fuse.goofys",
        "fuse.mountpoint-s3",
        "fuse.sshfs",
        "fuse.something",
        "fuse",
        "fuseblk",
        "cifs",
        "smb3",
        "vfat",
        "exfat",
    ],
)
def test_unfit_file_systems_are_refused_by_name(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = mounts(tmp_path.resolve(), shared=kind)
    monkeypatch.setattr(folder, "file_system_of", lambda path: file_system_of(path, table))
    with pytest.raises(UnfitPlace, match=f"file system is {kind}.*allowed:.*NFS.*s3://bucket"):
        Folder(tmp_path / "shared" / "store").probe()
    assert not (tmp_path / "shared").exists(), "nothing was written there"


@pytest.mark.parametrize("kind", ["ext4", "xfs", "nfs", "nfs4", "lustre", "overlay", "tmpfs", "newfs"])
def test_fit_and_unknown_ones_are_tried_by_a_link(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = mounts(tmp_path.resolve(), shared=kind)
    monkeypatch.setattr(folder, "file_system_of", lambda path: file_system_of(path, table))
    Folder(tmp_path / "shared").probe(room=4096)
    assert list((tmp_path / "shared").iterdir()) == []


def test_a_folder_that_does_not_link_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(source: str, target: str) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(source), None, str(target))

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(UnfitPlace, match="no hard links"):
        Folder(tmp_path).probe()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_whose_links_replace_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", os.replace)
    with pytest.raises(UnfitPlace, match="lets a second file replace the first"):
        Folder(tmp_path).probe()


def test_a_read_only_folder_is_an_outage_and_not_unfit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(tmp_path))

    monkeypatch.setattr(folder, "create_exclusive", refused)
    with pytest.raises(PermissionError):
        Folder(tmp_path).probe()


def test_this_machine_says_what_the_folders_of_tests_lie_on(tmp_path: Path) -> None:
    if not file_systems.MOUNTS.exists():
        pytest.skip("the system has no /proc/self/mountinfo")
    assert file_system_of(tmp_path)
