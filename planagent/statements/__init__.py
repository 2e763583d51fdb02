"""Statements: what the specs demand, in the reader's words, resting on units; and the account of every unit."""
