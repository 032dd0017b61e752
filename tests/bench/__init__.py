"""Tests of the benchmarks: their accounts, their verdicts and a short form of each."""
