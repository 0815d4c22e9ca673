"""Asks whether the benchmarks measure what they say: quickly, with figures too coarse to quote."""
