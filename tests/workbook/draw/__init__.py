"""The one way to put things on a page: names become addresses, texts find room.

Begin in `test_places`. `test_sizes` measures every sheet: its width, its frozen rows, its texts;
`test_paper` looks at how it prints.
"""
