"""The command `normviz-train` as a user meets it.

Begin in `test_command_line`, which trains, interrupts and resumes; `test_plan` has what is refused
before anything is trained, `test_help` what the help promises.
"""
