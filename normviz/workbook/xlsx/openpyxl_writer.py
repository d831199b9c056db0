"""The frame of a file written by openpyxl: everything but its cells.

Of the cells it gets those alone that lead somewhere, and keeps their links.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, OneCellAnchor
from openpyxl.drawing.xdr import XDRPositiveSize2D
from openpyxl.formatting.rule import Rule as FileRule
from openpyxl.packaging.core import DocumentProperties
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.styles.numbers import NumberFormat
from openpyxl.utils.units import pixels_to_EMU
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.cell_range import CellRange
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.dimensions import ColumnDimension
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.pagebreak import Break

from normviz.workbook.book.address import address, area_text, on_sheet
from normviz.workbook.book.cells import Choice, Link, Picture, Rule
from normviz.workbook.book.styles import Style
from normviz.workbook.xlsx.charts import openpyxl_chart
from normviz.workbook.xlsx.frame import BookFrame, PageFrame

FONT, MONO_FONT = "Arial", "Courier New"
DIGITS = 1.26
"""A page's widths are in characters of its text, a file's in digits of its default font."""

FIRST_NUMBER = 1000
"""What a file calls the number formats of its rules, from here on: those of cells begin at 164."""

CREATOR = "normviz"


def openpyxl_bytes(frame: BookFrame) -> tuple[bytes, list[int]]:
    """A file without cells as openpyxl saves it, and what it calls the looks of the frame."""
    workbook = Workbook(write_only=True)
    workbook.properties = DocumentProperties(creator=CREATOR, title=frame.title)
    stream = io.BytesIO()
    try:
        sheets = [workbook.create_sheet(page.title) for page in frame.pages]
        style_ids = [_pen(sheets[0], style).style_id for style in frame.styles]
        rules = (rule for page in frame.pages for rule in page.rules)
        numbers = {form: at for at, form in enumerate(dict.fromkeys(rule.number for rule in rules))}
        for sheet, page in zip(sheets, frame.pages, strict=True):
            _write_page(sheet, page, numbers)
        for name, target in frame.names:
            workbook.defined_names[name] = DefinedName(name, attr_text=target)
        workbook.save(stream)
    except BaseException:
        # openpyxl's half-written sheets, left alone, would each complain when Python ends.
        for sheet in workbook.worksheets:
            with suppress(Exception):
                sheet.close()
        raise
    return stream.getvalue(), style_ids


def _write_page(sheet: Any, page: PageFrame, numbers: Mapping[str, int]) -> None:
    _set_page(sheet, page)
    if page.hidden_columns:
        first, last = page.hidden_columns
        letters = address(1, first)[:-1]
        sheet.column_dimensions[letters] = ColumnDimension(
            sheet, index=letters, min=first, max=last, hidden=True
        )
    _write_rows(sheet, page)
    # A list, where openpyxl keeps a set: in order, and not compared each with all before it.
    sheet.merged_cells = [CellRange(area_text(area)) for area in page.merges]
    for rule in page.rules:
        sheet.conditional_formatting.add(area_text(rule.area), _rule(rule, numbers))
    for choice in page.choices:
        sheet.data_validations.append(_validation(choice))
    for chart in page.charts:
        sheet.add_chart(openpyxl_chart(page, chart), address(chart.row, chart.column))
    for picture in page.pictures:
        sheet.add_image(_image(picture))


def _write_rows(sheet: Any, page: PageFrame) -> None:
    """Every row, with the cells that are links and no others."""
    links: dict[int, dict[int, Link]] = {}
    for (row, column), link in page.links:
        links.setdefault(row, {})[column] = link
    for row in range(1, page.last_row + 1):
        line = links.get(row, {})
        columns = range(1, max(line, default=0) + 1)
        sheet.append([_linked(sheet, row, at, line[at]) if at in line else None for at in columns])


def _linked(sheet: Any, row: int, column: int, link: Link) -> Any:
    cell = WriteOnlyCell(sheet)
    target = on_sheet(link.title, link.reference)
    cell.hyperlink = Hyperlink(ref=address(row, column), location=target)
    return cell


def _image(picture: Picture) -> Any:
    """A picture in openpyxl's terms; it needs Pillow, which only who places pictures has."""
    from openpyxl.drawing.image import Image

    image = Image(io.BytesIO(picture.png))
    corner = AnchorMarker(col=picture.column - 1, row=picture.row - 1)
    size = XDRPositiveSize2D(pixels_to_EMU(picture.width), pixels_to_EMU(picture.height))
    image.anchor = OneCellAnchor(_from=corner, ext=size)
    return image


def _set_page(sheet: Any, page: PageFrame) -> None:
    """Widths, heights, frozen headings and the printed page: landscape, one page wide."""
    for column, width in page.widths:
        sheet.column_dimensions[address(1, column)[:-1]].width = round(width * DIGITS, 2)
    for row, height in page.heights:
        sheet.row_dimensions[row].height = height
    sheet.sheet_view.showGridLines = False
    sheet.sheet_view.zoomScale = page.zoom
    if page.hidden:
        sheet.sheet_state = "veryHidden"  # the menu of the program does not offer to show it
    if page.protected:
        sheet.protection.enable()
        sheet.protection.formatColumns = sheet.protection.formatRows = False  # may be done
    if page.freeze:
        sheet.freeze_panes = address(*page.freeze)
    if page.tab:
        sheet.sheet_properties.tabColor = page.tab
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = 9
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.print_options.horizontalCentered = True
    margins = sheet.page_margins
    margins.left = margins.right = 0.4
    margins.top, margins.bottom, margins.header, margins.footer = 0.5, 0.6, 0.3, 0.3
    sheet.oddFooter.left.text = CREATOR
    sheet.oddFooter.center.text = "&A"
    sheet.oddFooter.right.text = "&P / &N"
    if page.repeat_rows:
        sheet.print_title_rows = f"{page.repeat_rows[0]}:{page.repeat_rows[1]}"
    for row in page.breaks:
        sheet.row_breaks.append(Break(id=row))


def _pen(sheet: Any, style: Style) -> Any:
    """An openpyxl cell that wears a style."""
    pen = WriteOnlyCell(sheet)
    pen.font = Font(
        name=MONO_FONT if style.mono else FONT,
        size=style.size,
        bold=style.bold,
        italic=style.italic,
        underline=style.underline or None,
        color=style.color,
    )
    if style.fill:
        pen.fill = PatternFill("solid", fgColor=style.fill)
    if style.edge:
        side = Side("thin", color=style.edge)
        pen.border = Border(left=side, right=side, top=side, bottom=side)
    pen.alignment = Alignment(
        horizontal=style.horizontal
        if style.horizontal != "general" or not style.indent
        else "left",
        vertical=style.vertical,
        wrap_text=style.wrap or None,
        shrink_to_fit=style.shrink or None,
        indent=style.indent,
    )
    pen.number_format = style.number
    if style.unlocked:
        pen.protection = Protection(locked=False)
    return pen


def _rule(rule: Rule, numbers: Mapping[str, int]) -> Any:
    bold, underline = rule.bold or rule.changed or None, "double" if rule.changed else None
    font = Font(color=rule.color, bold=bold, underline=underline) if rule.color or bold else None
    # In a differential style a solid fill is its background color.
    fill = PatternFill(bgColor=rule.fill, fill_type="solid") if rule.fill else None
    number = None
    if rule.number:
        number = NumberFormat(FIRST_NUMBER + numbers[rule.number], rule.number)
    look = DifferentialStyle(font=font, numFmt=number, fill=fill)
    return FileRule("expression", dxf=look, formula=[rule.formula])


def _validation(choice: Choice) -> Any:
    if choice.options:
        options = ",".join(choice.options)
        made = DataValidation(type="list", formula1=f'"{options}"', allow_blank=False)
    else:
        made = DataValidation(type="custom", formula1=choice.formula, allow_blank=False)
    made.showErrorMessage = made.showInputMessage = True
    made.promptTitle = made.errorTitle = choice.title or None
    made.prompt = made.error = choice.hint or None
    made.add(area_text(choice.area))
    return made
