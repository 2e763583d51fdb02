"""The documentation as a site: `make docs`."""

from planagent import __version__

project = "planagent"
version = release = __version__
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"planagent {version}"
html_copy_source = False
html_show_copyright = False
# The pages of commands and rules are listed by theirs, not in the menu of every page.
suppress_warnings = ["toc.not_included"]
# Every heading is a place that links can name, as forges have it; a link that leads nowhere is a warning, and warnings are errors.
myst_heading_anchors = 4
