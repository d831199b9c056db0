"""The book of one's own layer: every step on its very numbers.

Begin in `test_explain`; `test_explain_models` takes layers out of models, with the true upstream
gradient, and sees that nothing of the model has changed; `test_recognized` shows a layer as what
it was found to be. `reading` reads the books.
"""
