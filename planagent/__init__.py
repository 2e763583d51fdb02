"""planagent turns a project's constitution and specs into one proved backend implementation plan."""

__version__ = "0.1.0"
