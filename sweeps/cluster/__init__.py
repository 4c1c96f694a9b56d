"""Cluster files: read whatever starts the cluster, and checked before a machine is paid for."""
