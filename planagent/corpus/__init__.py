"""The corpus: which files are specs, their text without secrets, and the units that everything after this accounts for."""
