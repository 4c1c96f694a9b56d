"""A bucket of another cloud than the machines' own: nobody has a right to it by a role."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.cluster.reading import read_cluster
from sweeps.cluster.rules.rights import check
from tests.sweeps.cluster.filled import AWS, filled, written

TOKEN = "  ~/.ray/auth_token: ~/.ray/auth_token"
EXPORT = "    export RAY_AUTH_MODE=token"


def found(tmp_path: Path, provider: str, scheme: str, old: str = "", new: str = "") -> list[str]:
    text = filled(AWS, old, new).replace("type: aws", f"type: {provider}")
    cluster = read_cluster(written(tmp_path, text.replace("s3://lab-speech", f"{scheme}://lab-speech")))
    findings = list(check(cluster))
    assert all(finding.warning and finding.line for finding in findings)
    return [finding.sentence for finding in findings]


@pytest.mark.parametrize(
    ("provider", "scheme", "remedy"),
    [
        (
            "aws",
            "gs",
            "set GOOGLE_APPLICATION_CREDENTIALS, let file_mounts bring ~/.config/gcloud, or use s3://",
        ),
        (
            "gcp",
            "s3",
            "set AWS_ACCESS_KEY_ID, let file_mounts bring ~/.aws (boto3, of after-ray[aws], reads it), or use gs://",
        ),
    ],
)
def test_a_bucket_of_another_cloud_is_told_once(
    tmp_path: Path, provider: str, scheme: str, remedy: str
) -> None:
    (sentence,) = found(tmp_path, provider, scheme)
    assert f"{scheme}://lab-speech/after-ray is no bucket of {provider}" in sentence
    assert "to 'head', 'gpu'" in sentence
    assert remedy in sentence


@pytest.mark.parametrize(
    ("provider", "scheme"), [("aws", "s3"), ("gcp", "gs"), ("local", "gs"), ("azure", "s3"), ("aws", "hdfs")]
)
def test_nothing_is_said_of_a_bucket_of_ones_own_cloud_or_where_there_are_no_roles(
    tmp_path: Path, provider: str, scheme: str
) -> None:
    assert found(tmp_path, provider, scheme) == []


@pytest.mark.parametrize(
    ("provider", "scheme", "old", "new"),
    [
        ("aws", "gs", EXPORT, f"    export GOOGLE_APPLICATION_CREDENTIALS=/keys.json\n{EXPORT}"),
        ("aws", "gs", TOKEN, f"{TOKEN}\n  ~/.config/gcloud: ~/.config/gcloud"),
        ("gcp", "s3", EXPORT, f"    export AWS_PROFILE=lab\n{EXPORT}"),
        ("gcp", "s3", TOKEN, f"{TOKEN}\n  ~/.aws/credentials: ~/.aws/credentials"),
        ("gcp", "s3", "--ulimit nofile=65536:65536", "-e AWS_ACCESS_KEY_ID=AKIA"),
    ],
)
def test_keys_that_the_file_brings_are_enough(
    tmp_path: Path, provider: str, scheme: str, old: str, new: str
) -> None:
    assert found(tmp_path, provider, scheme, old, new) == []


def test_keys_of_the_head_alone_are_not_those_of_workers(tmp_path: Path) -> None:
    only = "head_run_options: [-e AWS_ACCESS_KEY_ID=AKIA]"
    (sentence,) = found(tmp_path, "gcp", "s3", 'run_options: ["--ulimit nofile=65536:65536"]', only)
    assert "brings keys to 'gpu';" in sentence
