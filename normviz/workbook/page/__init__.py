"""The workbook as one page for the browser, a medium beside the .xlsx file; it reads `Book` alone.

Begin with `write.py`: `cells.py` numbers the cells and orders the formulas, `shapes.py` compiles
them to JavaScript, `content.py` gathers the data, `style_rules.py` the style sheet, and `script.py`
joins the modules of `script/` (engine, then interface; `main.js` is where they meet).
"""
