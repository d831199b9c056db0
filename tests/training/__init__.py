"""The experiments: the folders are the rooms of `training`.

Begin in `run/test_one_network`, where a network learns. `conftest` makes the one small run that
reports are tested on, and `test_documentation` holds training/README.md to the code.
"""
