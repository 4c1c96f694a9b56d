"""`ray up cluster.yaml` against a stand-in of AWS: what is asked for, up to a machine that nobody reaches."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.s3 import S3Server, s3_server
from tests.sweeps.cluster.filled import AWS, REPOSITORY, VALUES, filled

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


@pytest.fixture
def aws() -> Iterator[S3Server]:
    with s3_server() as server:  # moto's server, which speaks for all of AWS
        yield server


def found(ec2: Any) -> list[dict[str, Any]]:
    return [machine for group in ec2.describe_instances()["Reservations"] for machine in group["Instances"]]


def test_the_head_is_asked_for_as_the_file_says(aws: S3Server, tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(filled(AWS))
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray/auth_token").write_text("0" * 64)
    ec2, iam = (boto3.client(of, endpoint_url=aws.endpoint, region_name="us-east-1") for of in ("ec2", "iam"))
    iam.create_instance_profile(InstanceProfileName=VALUES["HEAD_PROFILE"])
    with (tmp_path / "log").open("wb") as log:
        up = subprocess.Popen(
            [
                Path(sys.executable).parent / "ray",
                "up",
                "-y",
                "--no-config-cache",
                str(tmp_path / "cluster.yaml"),
            ],
            env=os.environ | {"HOME": str(tmp_path), "RAY_AUTH_MODE": "token"},
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 120
        while not found(ec2):
            assert up.poll() is None, (tmp_path / "log").read_text()[-3000:]
            assert time.monotonic() < end, (tmp_path / "log").read_text()[-3000:]
            time.sleep(0.5)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(up.pid, signal.SIGKILL)
        up.wait()
    (head,) = found(ec2)
    tags = {tag["Key"]: tag["Value"] for tag in head["Tags"]}
    assert head["InstanceType"] == "m6i.xlarge"
    assert head["ImageId"] == "ami-0123456789abcdef0"
    assert tags["ray-node-type"] == "head"
    assert tags["project"] == "after-ray"
    assert "InstanceLifecycle" not in head, "the head is no spot machine"
    (group,) = ec2.describe_security_groups(GroupIds=[one["GroupId"] for one in head["SecurityGroups"]])[
        "SecurityGroups"
    ]
    to_all = [rule["FromPort"] for rule in group["IpPermissions"] if rule["IpRanges"]]
    assert to_all == [22], "nothing but SSH is open"
