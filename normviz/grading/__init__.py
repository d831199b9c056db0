"""Marking what a class hands in, by each student's own numbers; the file's own marks are ignored.

Begin in `grade`: a folder of files in, a mark for each out. `read` makes cells of a file, `marking`
points of cells, `flags` what a teacher should look at; `table` and `report` write it down.
"""
