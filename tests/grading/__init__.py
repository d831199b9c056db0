"""What a class hands in, and the marks it gets.

Begin in `test_class`, where thirty hand in, and `test_one_file`. `fill` plays the students: it
fills in files as a spreadsheet program would, rightly or with one of the usual mistakes.
"""
