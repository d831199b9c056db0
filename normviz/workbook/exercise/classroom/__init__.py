"""Exercises for a class: a file for each student, with numbers of her own.

Begin in `make`: it writes what `assignment` asks of the names that `roster` has read; a file is a
`student_book` on her `own_numbers`, and `answers` is what the teacher keeps.
"""
