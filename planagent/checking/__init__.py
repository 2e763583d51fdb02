"""Checks: pure functions over drafts and plans, each returning findings. The rules' texts are in `rules.toml`."""
