"""Drafts in, one Markdown file out, and back. Pure: no disk, no network, no clock."""
