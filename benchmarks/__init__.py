"""How fast txtproof is, against what a team would write without it; docs/benchmarks.md is written from here."""
