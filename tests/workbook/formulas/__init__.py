"""Steps and sets as formulas, and a formula computed in Python.

Begin in `test_set_labels`: a set's number by formula is that of the reference for every norm;
`test_evaluate` holds our own computing of formulas to the engines.
"""
