"""Asks what nobody would: random and hostile inputs, faults, pauses and long runs, of all parts. A
little in each run, more with STRESS_EXAMPLES, STRESS_ACTIVATIONS and STRESS_PAUSE."""
