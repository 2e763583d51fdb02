"""Benchmarks, and the simulated LLM server that they and the tests talk to."""
