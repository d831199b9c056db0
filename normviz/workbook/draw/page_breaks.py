"""Where the printed pages of a sheet end: between two bands of steps, never within one.

A sheet prints one page wide, so how much of its height goes on a page follows from its width. All
lengths are in points, for A4 on its side within the margins that the writer sets.
"""

from __future__ import annotations

from normviz.workbook.book.cells import Page

WIDTH, HEIGHT = 784.0, 516.0
ROW = 15.0
"""A row that says nothing else, in Excel; LibreOffice makes it lower, so more fits there."""

CHARACTER = 6.6
"""The width of one of the characters in which a page measures its columns."""


class Paper:
    """Follows a sheet as it is drawn, and breaks its pages where a band would be cut."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.first = 1  # the first row of the printed page that is being filled
        self.last = 0  # the last row that is kept on it so far

    def keep(self, bottom: int) -> None:
        """Keep what was drawn since, down to row ``bottom``, on one page if it fits on one.

        What fits on none begins where it is, unless half of the page is full.
        """
        room, used = self._room(), self._height(self.first, self.last)
        is_cut = self._height(self.last + 1, bottom) > room and used < room / 2
        if self.last >= self.first and self._height(self.first, bottom) > room and not is_cut:
            self.begin()
        self.last = max(self.last, bottom)

    def begin(self) -> None:
        """Let a new page begin below what was kept: empty rows would spill over from a full one."""
        self.page.breaks.append(self.last)
        self.first = self.last + 1

    def _room(self) -> float:
        """The height there is, beside the headings that are repeated on every page but the first.

        Widths are those so far; a page's columns are all set before its first band is drawn.
        """
        width = CHARACTER * sum(self.page.widths.values())
        room = HEIGHT * max(1.0, width / WIDTH)
        if self.first > 1 and self.page.repeat_rows:
            room -= self._height(*self.page.repeat_rows)
        return room

    def _height(self, top: int, bottom: int) -> float:
        return sum(self.page.heights.get(row, ROW) for row in range(top, bottom + 1))
