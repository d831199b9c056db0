"""The page for the browser: the same cells, computed by its own engine.

Begin in `test_values`, every cell and every edit against the model; `test_reader` clicks and types
in Chromium, `test_script` runs the checks of the scripts.
"""
