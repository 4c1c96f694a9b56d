"""Backbones: self-supervised speech encoders by hub name, local folder or configuration."""
