"""The command `normviz` as a user meets it: words in, files, sentences and statuses out.

Begin in `test_cli`. `test_help` holds what the help promises, `test_ending` how a command ends and
is interrupted, `test_users_text` and `test_fuzz` what strangers may type.
"""
