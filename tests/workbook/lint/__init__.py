"""What makes a spreadsheet program offer a repair is refused before it is written.

Begin in `test_lint`, which has a file with each of the faults, and the sentence for it; every book
that the tests write goes through the same rules.
"""
