"""What a book is about: the kind of its tensor, and this tensor with its norms.

Begin in `kinds`: images, tokens, rows and what their axes are called; `case` has the settings of a
book and every trace that its sheets show.
"""
