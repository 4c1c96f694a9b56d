"""Whether machines may use the store: the role that a cloud gives to them is for its own buckets."""

from __future__ import annotations

from collections.abc import Iterator

from sweeps.cluster.model import Cluster, Finding, Node, mapping
from sweeps.cluster.rules.storage import VARIABLE

OWN = {"aws": "s3", "gcp": "gs"}  # the buckets of each provider
# How a machine of another cloud is given keys: variables, and folders of files that hold them.
KEYS = {
    "s3": (
        ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ".aws",
    ),
    "gs": (
        ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH"),
        ".config/gcloud",
    ),
}
READ_BY = {"s3": " (boto3, of after-ray[aws], reads it)"}


def scheme_of(store: str) -> str:
    """`s3` of `s3://bucket/prefix`."""
    return store.partition("://")[0]


def check(cluster: Cluster) -> Iterator[Finding]:
    """A bucket of another cloud, to which nothing in the file gives keys; an image may hold them."""
    own = OWN.get(cluster.provider)
    without: dict[str, list[str]] = {}
    for node in cluster.nodes:
        store = node.environment.get(VARIABLE, "")
        scheme = scheme_of(store)
        if own and scheme in KEYS and scheme != own and not _has_keys(cluster, node, scheme):
            without.setdefault(store, []).append(f"'{node.name}'")
    for store, names in without.items():
        variables, folder = KEYS[scheme_of(store)]
        yield Finding(
            f"the store {store} is no bucket of {cluster.provider}, whose roles give no right to it, and "
            f"nothing here brings keys to {', '.join(names)}; set {variables[0]}, let file_mounts bring "
            f"~/{folder}{READ_BY.get(scheme_of(store), '')}, or use {own}://bucket/prefix",
            cluster.line_with(VARIABLE, store),
            warning=True,
        )


def _has_keys(cluster: Cluster, node: Node, scheme: str) -> bool:
    variables, folder = KEYS[scheme]
    mounts = mapping(cluster.values.get("file_mounts"))
    return any(name in node.environment for name in variables) or any(folder in str(to) for to in mounts)
