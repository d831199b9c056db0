"""Exercises: what is asked, how a sheet marks itself, and files for a class.

Begin in `test_exercise`, which fills one in with an engine; `test_mistakes` makes each of the usual
mistakes, `test_class` and `test_roster` make the files of a class.
"""
