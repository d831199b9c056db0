"""The book that is filled in: steps left empty, which mark themselves.

Begin in `exercise`, which puts a book together; `sheet` draws one norm, `asked_steps` says what is
asked of it and for how many points, `marks` and `mistakes` judge what was typed, by formula. Files
for a class, with numbers of each student's own, are made in `classroom`.
"""
