"""The shipped cluster files pass once they are filled in; a broken copy is refused with its sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sweeps.cluster.reading import BadClusterFile, read_cluster
from tests.sweeps.cluster.filled import (
    AWS,
    FILES,
    KUBERAY,
    ON_PREM,
    REPOSITORY,
    VALUES,
    checked,
    filled,
    written,
)


@pytest.mark.parametrize("name", FILES)
def test_a_shipped_file_lacks_nothing_but_the_values_of_its_user(name: str) -> None:
    code, said = checked(REPOSITORY / name)
    errors = [line for line in said.splitlines() if line.startswith("error")]
    assert code == 1
    assert errors
    assert all("is still to be set to a value of yours" in line for line in errors), said


@pytest.mark.parametrize("name", FILES)
def test_a_filled_in_file_passes(tmp_path: Path, name: str) -> None:
    code, said = checked(written(tmp_path, filled(name)))
    assert "error" not in said
    assert code == 0


@pytest.mark.parametrize("name", FILES)
def test_every_placeholder_is_known(tmp_path: Path, name: str) -> None:
    text = filled(name)
    assert not any(placeholder in text for placeholder in VALUES)


# (the file, what is broken, by what) -> the words of the sentence, and whether it is a warning
MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "two stores": (
        AWS,
        "- source ~/after-ray.env; ray start --address",
        "- export AFTER_RAY_STORE=s3://other-bucket/x; ray start --address",
        "nodes have different stores (s3://lab-speech/after-ray, s3://other-bucket/x)",
    ),
    "no machines": (ON_PREM, "    - 10.0.0.6\n    - 10.0.0.7\n", "    []\n", "worker_ips names no machine"),
    "a missing key": (KUBERAY, '  rayVersion: "2.60.0"\n', "", "'rayVersion' is missing in spec"),
    "a limit of none": (
        AWS,
        "max_workers: 4                     #",
        "max_workers: 0 #",
        "there can be no worker",
    ),
    "a key twice": (AWS, "head_node_type: head", "head_node_type: head\nmax_workers: 100", "is there twice"),
    "no autoscaler's file": (AWS, "--autoscaling-config=", "--config=", "without --autoscaling-config"),
    "another port": (
        AWS,
        "$RAY_HEAD_IP:6379",
        "$RAY_HEAD_IP:6380",
        "at port 6380, and the head listens at 6379",
    ),
    "no port": (AWS, "--port=6379", "--port=70000", "the head's port is '70000'"),
    "no region": (AWS, "region: us-east-1  ", "region: us-esat  ", "'us-esat' is no region"),
    "two regions": (AWS, "AWS_DEFAULT_REGION=us-east-1", "AWS_DEFAULT_REGION=eu-west-1", "set both alike"),
    "no machine": (AWS, "InstanceType: m6i.xlarge", "InstanceTyp: m6i.xlarge", "'head' has no InstanceType"),
    "a machine without GPUs": (AWS, "g5.2xlarge  ", "m5.2xlarge  ", "m5.2xlarge has none that is known"),
    "another GPU": (
        AWS,
        "accelerator_type:A10G",
        "accelerator_type:H100",
        "names a H100, and g5.2xlarge has A10G",
    ),
    "a wrong image": (AWS, "ami-0123456789abcdef0", "ami-XYZ", "'ami-XYZ' is no number of an image"),
    "no role": (AWS, "{Name: after-ray-worker}", "after-ray-worker", "the IamInstanceProfile of 'gpu'"),
    "a wrong market": (AWS, "MarketType: spot}", "MarketType: spott}", "is not {MarketType: spot}"),
    "a disk that stays": (
        AWS,
        "DeleteOnTermination: true",
        "DeleteOnTermination: false",
        "a disk of 'head' stays",
    ),
    "no bucket": (AWS, "s3://lab-speech/after-ray", "s3://", "names no bucket"),
    "no token here": (
        AWS,
        ": ~/.ray/auth_token",
        ": ~/.ray/none_auth_token",
        "'ray get-auth-token --generate'",
    ),
    "no key here": (ON_PREM, "~/.ssh/id_ed25519", "~/.ssh/none", "the key ~/.ssh/none is not here"),
    "an address twice": (ON_PREM, "10.0.0.7", "10.0.0.6", "10.0.0.6 is there 2 times"),
    "an address of nobody": (ON_PREM, "10.0.0.7", "10.0.0.299:22", "'10.0.0.299:22' is no address"),
    "an address of oneself": (ON_PREM, "10.0.0.7", "127.0.0.1", "'127.0.0.1' is no address"),
    "more pods than may be": (
        KUBERAY,
        "minReplicas: 0",
        "minReplicas: 8",
        "minReplicas 8 is above maxReplicas 4",
    ),
    "a wrong amount": (KUBERAY, "memory: 32Gi", "memory: 32G1", "'32G1' is no amount of memory"),
    "unequal GPUs": (
        KUBERAY,
        'requests: {cpu: "8", memory: 32Gi, nvidia.com/gpu: "1"}',
        'requests: {cpu: "8", memory: 32Gi, nvidia.com/gpu: "2"}',
        "Kubernetes wants them equal",
    ),
    "a key mistyped": (AWS, "max_workers: 4  ", "max_wokers: 4  ", "did you mean 'max_workers'?"),
    "a wrong type": (AWS, "max_workers: 4  ", "max_workers: four  ", "'four' is not of type 'integer'"),
    "an unknown head": (
        AWS,
        "head_node_type: head",
        "head_node_type: boss",
        "`head_node_type` must be one of",
    ),
    "min above max": (
        AWS,
        "    min_workers: 0\n    max_workers: 4",
        "    min_workers: 9\n    max_workers: 9",
        "smaller than the sum of `min_workers`",
    ),
    "no provider": (AWS, "provider:\n  type: aws", "providers:\n  type: aws", "'provider:' is missing"),
    "an unknown provider": (AWS, "type: aws", "type: awss", "Unsupported node provider: awss"),
    "no auth": (
        AWS,
        "auth:\n  ssh_user: ubuntu",
        "auth:\n  ssh_private_key: ~/k",
        "'auth: ssh_user' is missing",
    ),
    "no workers' addresses": (ON_PREM, "worker_ips:", "workers:", "head_ip"),
    "another Ray": (AWS, "ray:2.60.0-py311-gpu", "ray:2.59.0-py311-gpu", "has Ray 2.59.0, here is 2.60.0"),
    "another Python": (AWS, "2.60.0-py311\n", "2.60.0-py39\n", "has Python 3.9, here is"),
    "no version of Python": (
        ON_PREM,
        "python3.11 -m venv",
        "python3 -m venv",
        "the version of Python on 'head'",
    ),
    "an image without a version": (AWS, "ray:2.60.0-py311\n", "ray:latest\n", "is another one tomorrow"),
    "another rayVersion": (KUBERAY, 'rayVersion: "2.60.0"', 'rayVersion: "2.50.0"', "rayVersion is 2.50.0"),
    "no project": (
        AWS,
        'pip install --quiet "$HOME/after-ray[server]"',
        "pip list",
        "nothing installs after-ray",
    ),
    "no store": (AWS, "export AFTER_RAY_STORE=", "export STORE=", "'head' has no AFTER_RAY_STORE"),
    "a store on each machine": (
        AWS,
        "s3://lab-speech/after-ray",
        "/tmp/store",
        "is on each machine's own disk",
    ),
    "a store that nothing mounts": (AWS, "s3://lab-speech/after-ray", "/mnt/store", "is mounted by nothing"),
    "a relative store": (ON_PREM, "=/mnt/after-ray/store", "=store", "is a relative path"),
    "an unknown bucket": (AWS, "s3://lab-speech", "hdfs://lab-speech", "allowed: s3://, gs://"),
    "a volume of one pod": (KUBERAY, "s3://lab-speech/after-ray", "/cache/store", "is mounted by nothing"),
    "a shared cache": (
        ON_PREM,
        "AFTER_RAY_CACHE=/tmp",
        "AFTER_RAY_CACHE=/mnt/after-ray/store",
        "lies on shared storage",
    ),
    "no worker": (AWS, "max_workers: 4", "max_workers: 0", "there can be no worker"),
    "no CUDA": (AWS, "py311-gpu", "py311", "has no CUDA"),
    "a tracker nowhere": (AWS, "http://127.0.0.1:5000", "mlflow:5000", "is no server and no database"),
    "a tracker with a user": (
        AWS,
        "http://127.0.0.1:5000",
        "http://u:secret@mlflow:5000",
        "http://u:***@mlflow:5000 names a user",
    ),
    "a tracker at no address": (
        AWS,
        "http://127.0.0.1:5000",
        "http://0.0.0.0:5000",
        "is no address that anybody",
    ),
    "a database on the head": (
        AWS,
        "http://127.0.0.1:5000",
        "postgresql://u:secret@localhost/m",
        "on the head itself",
    ),
    "a tracker in the head's pod": (
        KUBERAY,
        "http://mlflow:5000",
        "http://localhost:5000",
        "is the head's own pod",
    ),
    "an open port": (
        AWS,
        "  cache_stopped_nodes: false",
        "  cache_stopped_nodes: false\n  security_group:\n"
        "    IpPermissions:\n      - {FromPort: 8265, ToPort: 8265, IpProtocol: tcp, "
        "IpRanges: [{CidrIp: 0.0.0.0/0}]}",
        "ports 8265 to 8265 are open to everybody",
    ),
    "all ports": (
        AWS,
        "  cache_stopped_nodes: false",
        "  security_group: {IpPermissions: [{IpProtocol: '-1', IpRanges: [{CidrIp: 0.0.0.0/0}]}]}",
        "all ports are open to everybody",
    ),
    "no token": (
        AWS,
        "export RAY_AUTH_MODE=token",
        "export RAY_AUTH_MODE=disabled",
        "everybody who reaches the head",
    ),
    "a token that is nowhere": (
        AWS,
        "  ~/.ray/auth_token: ~/.ray/auth_token",
        "  ~/x: ~/x",
        "no file_mounts bring",
    ),
    "no token of Kubernetes": (
        KUBERAY,
        "  authOptions: {mode: token}\n",
        "",
        "authOptions: {mode: token} is missing",
    ),
    "an open dashboard": (
        AWS,
        "--dashboard-host=127.0.0.1",
        "--dashboard-host=0.0.0.0",
        "listens on all addresses",
    ),
    "no Ray": (AWS, "ray start --address", "echo --address", "no command starts Ray on 'gpu'"),
    "no idle timeout": (
        AWS,
        "idle_timeout_minutes: 10",
        "no_restart: false",
        "idle_timeout_minutes is not set",
    ),
    "a spot head": (
        AWS,
        "      InstanceType: m6i.xlarge",
        "      InstanceType: m6i.xlarge\n      InstanceMarketOptions: {MarketType: spot}",
        "the head may be taken back",
    ),
    "nobody asks for notices": (AWS, "export AFTER_RAY_SPOT=aws", "true", "nobody asks for the notice"),
    "an unknown provider of notices": (AWS, "SPOT=aws", "SPOT=asw", "is 'asw', which names nobody"),
    "a notice that nobody makes": (
        KUBERAY,
        "touch /tmp/node-ends",
        "true",
        "no preStop of its container makes it",
    ),
    "the second autoscaler": (ON_PREM, "RAY_enable_autoscaler_v2=0", "X=0", "never starts a machine"),
    "no autoscaler": (
        KUBERAY,
        "enableInTreeAutoscaling: true",
        "enableInTreeAutoscaling: false",
        "no pod is ever",
    ),
    "Ray's old image": (AWS, "      ImageId: ami-0123456789abcdef0\n", "", "is of Ubuntu 18.04"),
    "an unknown key of Kubernetes": (
        KUBERAY,
        "workerGroupSpecs:",
        "workerGroupSpec:",
        "did you mean 'workerGroupSpecs'?",
    ),
    "another API": (
        KUBERAY,
        "apiVersion: ray.io/v1\n",
        "apiVersion: ray.io/v1alpha1\n",
        "the operator's is 'ray.io/v1'",
    ),
    "no image": (
        KUBERAY,
        "            - name: ray-worker\n              image:",
        "            - name: ray-worker\n              imagePullPolicy:",
        "have no container with an image",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_broken_copy_is_refused_with_its_sentence(tmp_path: Path, mistake: str) -> None:
    name, old, new, words = MISTAKES[mistake]
    code, said = checked(written(tmp_path, filled(name, old, new)))
    assert code == 1, said
    assert any(line.startswith("error") and words in line for line in said.splitlines()), said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        (ON_PREM, "--num-cpus=0", "--num-cpus=4", "the head takes trials"),
        (
            AWS,
            "export MLFLOW_TRACKING_URI=http://127.0.0.1:5000",
            "true",
            "the head has no MLFLOW_TRACKING_URI",
        ),
        (ON_PREM, "", "", "nothing in this file says whether it is"),
        (AWS, "idle_timeout_minutes: 10 ", "idle_timeout_minutes: 600 ", "idle for money"),
        (AWS, "cache_stopped_nodes: false", "cache_stopped_nodes: true", "cache_stopped_nodes is not false"),
        (AWS, "http://127.0.0.1:5000", "sqlite:////tmp/m.db", "is a file on the head's disk"),
        (AWS, "CPU: 8, GPU: 1", "CPU: 8, GPU: 0", "no worker offers a GPU"),
        (KUBERAY, ', nvidia.com/gpu: "1"', "", "no worker offers a GPU"),
        (AWS, "max_workers: 4                     #", "max_workers: 2 #", "2 counts"),
        (
            AWS,
            "s3://lab-speech/after-ray",
            "gs://lab-speech/after-ray",
            "gs://lab-speech/after-ray is no bucket of aws, whose roles give no right to it",
        ),
    ],
)
def test_what_may_be_meant_so_is_a_warning(tmp_path: Path, name: str, old: str, new: str, words: str) -> None:
    code, said = checked(written(tmp_path, filled(name, old, new)))
    assert any(line.startswith("warning") and words in line for line in said.splitlines()), said
    assert code == 0


def test_a_finding_names_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, filled(AWS, "s3://lab-speech/after-ray", "/tmp/store"))
    (number,) = (n for n, line in enumerate(path.read_text().splitlines(), 1) if "AFTER_RAY_STORE" in line)
    assert f"{path}, line {number}: the store /tmp/store" in checked(path)[1]


def test_findings_for_programs(tmp_path: Path) -> None:
    code, said = checked(written(tmp_path, filled(AWS, "py311-gpu", "py311")), "--json")
    (finding,) = json.loads(said)
    assert code == 1
    assert finding["warning"] is False
    assert "has no CUDA" in finding["sentence"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "neither a 'provider:'"),
        (b"- a\n- b\n", "it holds a list"),
        (b"42\n", "the single value 42"),
        (b"a: [1\n", "not YAML"),
        (b"\tprovider: x\n", "not YAML"),
        (b"\xff\xfe\x00", "it is no text in UTF-8"),
        (b"#" * 1_000_001, "more than 1,000,000 bytes"),
        (b"study: quickstart\n", "neither a 'provider:'"),
        (b"kind: Pod\n", "neither a 'provider:'"),
    ],
)
def test_what_is_no_cluster_file_is_refused_in_one_sentence(tmp_path: Path, text: bytes, words: str) -> None:
    code, said = checked(written(tmp_path, text))
    assert code == 1
    assert said.count("error") == 1
    assert words in said.replace("\n", " ")


def test_a_folder_and_nothing_are_no_cluster_files(tmp_path: Path) -> None:
    with pytest.raises(BadClusterFile, match="it is a folder"):
        read_cluster(tmp_path)
    with pytest.raises(BadClusterFile, match=r"cannot be read \(No such file"):
        read_cluster(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "broken",
    [
        "provider: []",
        "provider: {type: aws}\navailable_node_types: {x: {max_workers: .inf}}",
        "provider: {type: aws}\navailable_node_types: {x: 3}",
        "provider: aws",
        "a: &a [*a]\nprovider: {}",
        "provider: {type: aws}\navailable_node_types: 3",
    ],
)
def test_values_of_wrong_types_are_findings_and_no_crash(tmp_path: Path, broken: str) -> None:
    code, said = checked(written(tmp_path, f"cluster_name: x\n{broken}\n"))
    assert code == 1
    assert "Ray's launcher refuses it" in said


def test_a_port_that_is_no_number_is_no_crash(tmp_path: Path) -> None:
    group = "security_group: {IpPermissions: [{FromPort: [], IpRanges: 3, Ipv6Ranges: [{CidrIpv6: '::/0'}]}]}"
    text = filled(AWS, "cache_stopped_nodes: false", group)
    assert "ports [] to None are open to everybody" in checked(written(tmp_path, text))[1]


def test_a_resource_without_a_spec_is_a_finding_and_no_crash(tmp_path: Path) -> None:
    code, said = checked(written(tmp_path, "apiVersion: ray.io/v1\nkind: RayCluster\nspec: 3\n"))
    assert code == 1
    assert "'spec:' is missing or no mapping" in said
