"""The command `normviz-train` as a user meets it.

Begin in `test_run`; `test_interrupted` and `test_killed` stop a run and go on; `test_plan` has what
is refused before anything is trained, `test_help` what the help promises.
"""
