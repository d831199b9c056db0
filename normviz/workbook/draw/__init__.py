"""The one way to put steps, tables, words and charts on a page.

Begin in `content`, what can stand on a page, as data; a `sheet` draws it from the top down,
`columns` are chosen once a page, `places` are the names that formulas use, and `placing` finds
where everything goes (`words`, `blocks` and `lists` write it).
"""
