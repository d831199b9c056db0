"""A run counted: statistics over seeds, differences, intervals, verdicts.

Begin in `test_comparisons`, held to scipy; `test_claims` and `test_study_table` have when a claim
is supported, refuted or undecided.
"""
